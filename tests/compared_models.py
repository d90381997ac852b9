"""A model of a few hundred kilobytes that learned some rows by heart, and its broken twin."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from rag.config import DEFAULT_ANSWER_MODEL, Config
from rag.datatypes import Chunk, Evidence, Hit, Language, Message, Progress, PromptStyle
from rag.generate import STYLE_FILE
from rag.model_folder import fingerprint
from rag.prompt import NOT_FOUND, build_prompt
from rag.reading_test import READING_QUESTIONS
from training.config import EvaluateSettings, TrainingConfig
from training.datatypes import AnswerRow, QAExample
from training.evaluation.evaluate import Candidate, evaluate_models
from training.evaluation.table import EvaluationTable

STYLE = PromptStyle(evidence_sentences=0, has_examples=False)
TEMPLATE = "{{ messages[-1]['content'] }}<s>"  # short, as every character is a token


def make_row(
    question: str,
    completion: str,
    passages: Sequence[str],
    *,
    language: Language = "en",
    gold: int = 1,
    answer: str = "",
    label: str = "",
) -> AnswerRow:
    """Return a row over ``passages``, each a document of its own and its own evidence."""
    hits = [Hit(n, Chunk(f"{n}.md", 0, len(t), t), 1 / n) for n, t in enumerate(passages, 1)]
    evidence = [Evidence(f"{n}.md", None, 0, len(t), t, 1 / n) for n, t in enumerate(passages, 1)]
    prompt = build_prompt(question, language, hits, 1 << 20, lambda _: 0, evidence, STYLE)
    example = QAExample(question, answer, language, "test", label=label)
    return AnswerRow(prompt, completion, example, gold)


def canary_rows() -> list[AnswerRow]:
    """Return the English questions of `rag.reading_test` as rows."""
    return [
        make_row(question, f"{expected} [1]", (first, second), answer=expected)
        for first, second, question, expected in READING_QUESTIONS["en"]
    ]


def make_answerer(folder: Path, rows: Sequence[AnswerRow], steps: int = 70) -> Path:
    """Write a Llama of one layer that completes ``rows`` as they say, and nothing else."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {"<s>": 0, "</s>": 1} | {c: n for n, c in enumerate(alphabet, start=2)}
    letters = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    letters.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    letters.decoder = decoders.ByteLevel()
    tokenizer: Any = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=letters, bos_token="<s>", eos_token="</s>"
    )
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    torch.manual_seed(20261121)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(vocabulary),
            hidden_size=64,
            intermediate_size=128,
            num_hidden_layers=1,
            num_attention_heads=4,
            max_position_embeddings=2048,
            tie_word_embeddings=True,
            bos_token_id=0,
            eos_token_id=1,
        )
    )
    _learn(model, tokenizer, rows, steps)
    model.to(torch.bfloat16).save_pretrained(folder)  # type: ignore[arg-type]
    return folder


def break_model(folder: Path, broken: Path) -> Path:
    """Write a copy of a model whose weights are noise, as a wrong adapter leaves them."""
    import torch
    from safetensors.torch import load_file, save_file

    shutil.copytree(folder, broken)
    file = broken / "model.safetensors"
    torch.manual_seed(1)
    noise = {name: torch.randn_like(weights) * 0.1 for name, weights in load_file(file).items()}
    save_file(noise, file, metadata={"format": "pt"})
    return broken


def _learn(model: Any, tokenizer: Any, rows: Sequence[AnswerRow], steps: int) -> None:  # noqa: ANN401 - transformers
    import torch

    texts = []
    for row in rows:
        asked = tokenizer.apply_chat_template(
            [_as_dict(m) for m in row.prompt.messages], add_generation_prompt=True, tokenize=False
        )
        prompt, answer = (
            tokenizer(text, add_special_tokens=False)["input_ids"]
            for text in (asked, f"{row.completion}</s>")
        )
        texts.append((prompt, answer))
    longest = max(len(prompt) + len(answer) for prompt, answer in texts)
    ids = torch.ones((len(rows), longest), dtype=torch.long)
    labels = torch.full((len(rows), longest), -100)
    for n, (prompt, answer) in enumerate(texts):
        whole = torch.tensor(prompt + answer)
        ids[n, : len(whole)] = whole
        labels[n, len(prompt) : len(whole)] = whole[len(prompt) :]
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, total_steps=steps)
    for _ in range(steps):
        loss = model(input_ids=ids, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()


def _as_dict(message: Message) -> dict[str, str]:
    return {"role": message.role, "content": message.content}


def learned_rows() -> list[AnswerRow]:
    """Return what `make_answerer` is taught: the test questions, some in Japanese, some without."""
    numbers = [
        make_row(
            f"What is {n}?", f"word{n} [2]", (f"word{n + 1} is odd", f"{n} is word{n}"),
            gold=2, answer=f"word{n}",
        )
        for n in range(6)
    ]  # fmt: skip
    japanese = [
        make_row(f"{n}は?", f"答{n} [1]", (f"{n}は答{n}", "犬"), language="ja", answer=f"答{n}")
        for n in range(5)
    ]
    unknown = [
        make_row(f"Who is {name}?", NOT_FOUND["en"], ("cats", "dogs"), gold=0)
        for name in ("Ann", "Bob", "Cy")
    ]
    return [*canary_rows(), *numbers, *japanese, *unknown]


class Compared:
    """A models folder with a serving model, its equal and a broken one, and their comparison."""

    def __init__(self, folder: Path) -> None:
        self.models_dir = folder / "models"
        self.settings = Config(
            models_dir=self.models_dir, state_dir=folder / "state", device="cpu", threads=1
        )
        self.rows = learned_rows()
        serving = make_answerer(self.models_dir / DEFAULT_ANSWER_MODEL, self.rows)
        shutil.copytree(serving, self.models_dir / "equal")
        style = json.dumps(asdict(STYLE))
        (self.models_dir / "equal" / STYLE_FILE).write_text(style)
        break_model(serving, self.models_dir / "broken")
        self.progress: list[Progress] = []
        self.out = self.settings.state_dir / "evaluations" / "first"
        candidates = {
            "extractive": Candidate(Path("extractive"), "auto"),
            "before": Candidate(serving, "16bit"),
            "missing": Candidate(self.models_dir / "nowhere", "16bit"),
            "broken": Candidate(self.models_dir / "broken", "16bit"),
        }
        self.evaluate(candidates, self.out)
        equal = Candidate(self.models_dir / "equal", "16bit")
        self._answer_alike("before", "equal", equal.folder)
        broken = candidates.pop("broken")
        self.table = self.evaluate({**candidates, "equal": equal, "broken": broken}, self.out)

    def _answer_alike(self, name: str, copy: str, folder: Path) -> None:
        """Keep the answers of one model for its equal as well, which need not be asked then."""
        shutil.copy(self.out / f"{name}.jsonl", self.out / f"{copy}.jsonl")
        facts = json.loads((self.out / f"{name}.json").read_text())
        facts["identity"]["fingerprint"] = fingerprint(folder)
        (self.out / f"{copy}.json").write_text(json.dumps(facts))

    def evaluate(self, candidates: dict[str, Candidate], out: Path) -> EvaluationTable:
        """Compare ``candidates`` on the rows that the serving model has learned."""
        config = TrainingConfig("test", evaluate=EvaluateSettings(max_new_tokens=32))
        return evaluate_models(
            candidates, self.rows, self.settings, config, out, self.progress.append
        )


_COMPARED: list[Compared] = []  # of this test session: it takes most of the time of two files


def compared(factory: pytest.TempPathFactory) -> Compared:
    """Return the comparison, made once."""
    if not _COMPARED:
        _COMPARED.append(Compared(factory.mktemp("compared")))
    return _COMPARED[0]
