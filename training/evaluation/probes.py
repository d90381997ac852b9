"""What a model knows of a subject without being shown any passage.

Few-shot exact match (Brown et al., 2020, arXiv:2005.14165, section 2) asks for the answer itself;
ranking candidate terms by log-probability also sees knowledge that is not yet enough to say it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rag.datatypes import Language
from rag.evaluation.metrics import Estimate
from training.datatypes import QAExample
from training.evaluation.metrics import best_match, interval, normalized_exact, share

SHOTS = 3
MAX_NEW_TOKENS = 24
DISTRACTORS = 9
_WORDS: dict[Language, tuple[str, str]] = {
    "en": ("Question: ", "\nAnswer:"),
    "ja": ("質問:", "\n回答:"),
    "other": ("Question: ", "\nAnswer:"),
}
_GAP: dict[Language, str] = {"en": " ", "ja": "", "other": " "}  # between the words and an answer


@dataclass(frozen=True, slots=True)
class TermItem:
    """A question whose right term is to be found among others."""

    question: str
    language: Language
    right: str
    distractors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """Scores of each item, so that two models can be compared item by item."""

    exact: tuple[float, ...]  # 1 where the answer is right after normalization
    answers: tuple[str, ...]  # what was written
    ranks: tuple[int, ...]  # of the right term, 1-based

    def estimates(self) -> tuple[Estimate, Estimate]:
        """Return exact match and mean reciprocal rank, with 95 % intervals over the questions."""
        ones = [1.0] * len(self.exact)
        exact = interval(share(self.exact, ones))
        mrr = interval(share([1 / rank for rank in self.ranks], ones))
        assert exact is not None  # there are questions
        assert mrr is not None
        return exact, mrr


def make_term_items(
    examples: Sequence[QAExample], seed: int, distractors: int = DISTRACTORS
) -> list[TermItem]:
    """Return an item for each answerable example; the others' answers are the distractors.

    They come from the same documents in the same language, so knowing the kind of text does not
    help. An answer that counts as right for the question, or is part of one, is no distractor.
    """
    rng = np.random.default_rng(seed)
    items = []
    for example in examples:
        if not example.is_answerable:
            continue
        golds = {gold.casefold() for gold in (example.answer, *example.answers)}
        others = sorted(
            {
                other.answer
                for other in examples
                if other.is_answerable
                and other.language == example.language
                and not any(
                    other.answer.casefold() in gold or gold in other.answer.casefold()
                    for gold in golds
                )
            }
        )
        chosen = rng.permutation(len(others))[:distractors]
        items.append(
            TermItem(
                example.question,
                example.language,
                example.answer,
                tuple(others[n] for n in chosen),
            )
        )
    return items


def rank_of(scores: Sequence[float], right: int) -> int:
    """Return the 1-based rank of ``scores[right]``; the worst of those that are equal to it."""
    return sum(score >= scores[right] for score in scores)


def few_shot_prompt(shots: Sequence[QAExample], question: str, language: Language) -> str:
    """Return ``question`` after worked examples, up to where the answer begins."""
    before, after = _WORDS[language]
    worked = [f"{before}{s.question}{after}{_GAP[language]}{s.answer}\n\n" for s in shots]
    return "".join(worked) + before + question + after


class Prober:
    """Asks one causal model. Computes on the device that the model is on.

    Args:
        model: a causal model of transformers, also one with an adapter.
        tokenizer: its tokenizer.
    """

    def __init__(self, model: Any, tokenizer: Any) -> None:  # noqa: ANN401 - transformers
        self._model = model.eval()
        self._tokenizer = tokenizer

    def probe(
        self,
        shots: Sequence[QAExample],
        questions: Sequence[QAExample],
        seed: int,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> ProbeReport:
        """Ask answerable ``questions`` after ``shots`` of the same language, and rank terms."""
        exact, answers, ranks = [], [], []
        items = make_term_items(questions, seed)
        for number, (example, item) in enumerate(zip(questions, items, strict=True)):
            own = [shot for shot in shots if shot.language == example.language][:SHOTS]
            answer = self.answer(few_shot_prompt(own, example.question, example.language))
            golds = example.answers or (example.answer,)
            answers.append(answer)
            exact.append(best_match(normalized_exact, answer, golds, example.language))
            scores = self.log_probabilities(
                few_shot_prompt((), item.question, item.language),
                [_GAP[item.language] + term for term in (item.right, *item.distractors)],
            )
            ranks.append(rank_of(scores, 0))
            progress(number + 1, len(questions))
        return ProbeReport(tuple(exact), tuple(answers), tuple(ranks))

    def answer(self, prompt: str) -> str:
        """Return the first line that the model writes after ``prompt``, greedily."""
        import torch

        inputs = self._tokenizer(prompt, add_special_tokens=False, return_tensors="pt")
        inputs = {name: value.to(self._model.device) for name, value in inputs.items()}
        length = inputs["input_ids"].shape[1]
        with torch.inference_mode():
            written = self._model.generate(
                input_ids=inputs["input_ids"],
                attention_mask=inputs["attention_mask"],
                do_sample=False,
                max_new_tokens=MAX_NEW_TOKENS,
                pad_token_id=self._tokenizer.eos_token_id,
                stop_strings=["\n"],
                tokenizer=self._tokenizer,
            )
        text: str = self._tokenizer.decode(written[0, length:], skip_special_tokens=True)
        return text.strip().split("\n")[0].strip()

    def log_probabilities(self, prompt: str, terms: Sequence[str]) -> list[float]:
        """Return log P(term | prompt) of each term: the sum over its tokens, in nats.

        A sum, not a mean over tokens: it is the probability of the term, and a mean would favour
        long terms whose end follows from their beginning.
        """
        import torch

        encode = self._tokenizer
        start = encode(prompt, add_special_tokens=False)["input_ids"]
        ends = [encode(term, add_special_tokens=False)["input_ids"] for term in terms]
        rows = [[*start, *end] for end in ends]
        longest = max(map(len, rows))
        filler = encode.eos_token_id
        ids = torch.tensor([[*row, *[filler] * (longest - len(row))] for row in rows])
        mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
        ids, mask = ids.to(self._model.device), mask.to(self._model.device)
        with torch.inference_mode():
            logits = self._model(input_ids=ids, attention_mask=mask, use_cache=False).logits
        # The token at position n is predicted at n - 1.
        logs = torch.log_softmax(logits[:, len(start) - 1 : -1].float(), dim=-1)
        found = logs.gather(2, ids[:, len(start) :, None])[..., 0]
        return [float(row[: len(end)].sum()) for row, end in zip(found, ends, strict=True)]


def mean_loss(model: Any, blocks: Sequence[Sequence[int]]) -> float:  # noqa: ANN401 - transformers
    """Return the mean of -log P over all predicted tokens of ``blocks``, in nats.

    Over tokens and not over batches, so that a short last block counts as much as it holds.
    """
    import torch

    was_training = model.training
    model.eval()
    total, count = 0.0, 0
    with torch.inference_mode():
        for block in blocks:
            ids = torch.tensor([list(block)], device=model.device)
            logits = model(input_ids=ids, use_cache=False).logits[0, :-1].float()
            total += float(torch.nn.functional.cross_entropy(logits, ids[0, 1:], reduction="sum"))
            count += len(block) - 1
    model.train(was_training)
    return total / count
