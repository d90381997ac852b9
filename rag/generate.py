"""Answer models behind the `Generator` protocol: GPTQ, 16-bit, NF4, extractive, and remote.

Decoding is greedy after the beginning of an answer (`rag.answer_search`). It is written out here,
because a reader's Stop must also end the reading of the prompt, which ``transformers.generate``
does in one piece, and because its streamer withholds kana.
"""

import json
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from threading import Event, Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.abstention import read_abstention
from rag.answer_search import likeliest_answer
from rag.answer_type import fits
from rag.config import EXTRACTIVE, REMOTE, Config
from rag.datatypes import Language, Prompt, PromptStyle
from rag.errors import ModelError
from rag.evidence import quotable
from rag.greedy import greedy_tokens
from rag.inference.causal_model import CausalModel
from rag.inference.causal_openvino import OpenVinoCausalModel
from rag.inference.causal_torch import TorchCausalModel
from rag.inference.chat_template import ChatTemplate
from rag.inference.device import torch_device, uses_gpu
from rag.inference.export import DECODER_EXPORTER, exported_folder
from rag.model_folder import find_model
from rag.prompt import NOT_FOUND, unasked
from rag.remote.generator import RemoteGenerator
from rag.span_agreement import proposed_answers, support

STYLE_FILE = "prompt_style.json"  # in the folder of a model that was tuned
_UNFIT = -50.0  # nats; below whatever fits the question
REPEAT_WINDOW = 24  # tokens in which a phrase said three times ends the completion


class ExtractiveGenerator:
    """Quotes the sentences that speak best to the question. No language model."""

    model_id = EXTRACTIVE
    kernel = "no model"
    context_tokens = 1 << 20
    style = PromptStyle(evidence_sentences=2)  # it reads the ranked sentences, not the prompt

    def count_prompt_tokens(self, prompt: Prompt) -> int:
        """Return a quarter of the characters: there is no tokenizer, and nothing to read."""
        return sum(len(message.content) for message in prompt.messages) // 4

    def stream(self, prompt: Prompt, max_new_tokens: int, stop: Event) -> Iterator[str]:
        """Yield the best sentences word by word, however long: nothing is worded here."""
        for sentence in quotable(prompt.evidence):
            for word in [*re.findall(r"\S+\s*", sentence.text), "\n"]:
                if stop.is_set():
                    return
                yield word


class LocalGenerator:
    """A language model on this machine, on the GPU when there is one."""

    def __init__(self, folder: Path, config: Config) -> None:
        self._lock = Lock()
        self.precision = _precision(folder, config)
        self.model_id = f"{folder.name} ({self.precision})"
        self.style = prompt_style(folder, config)
        self.model = _load_model(folder, self.precision, config)
        self._abstention = read_abstention(folder)
        self._is_tuned = (folder / STYLE_FILE).is_file()  # to answer in a few words
        self._template = ChatTemplate(folder)
        if not self._template.exists:
            raise ModelError(
                f"The answer model in {folder} has no chat template. Choose an instruction-tuned "
                "model (its name often ends in -Instruct)."
            )

    @property
    def kernel(self) -> str:
        """What really computes a linear layer."""
        return self.model.kernel

    @property
    def context_tokens(self) -> int:
        """Most tokens of prompt and completion together."""
        return self.model.context_tokens

    def count_prompt_tokens(self, prompt: Prompt) -> int:
        """Return the tokens of the rendered chat."""
        return len(self.prompt_ids(prompt))

    def prompt_ids(self, prompt: Prompt) -> list[int]:
        """Return the tokens of the rendered chat, up to where the answer begins."""
        return self.model.encode(self._template.render(prompt.messages))

    def stream(self, prompt: Prompt, max_new_tokens: int, stop: Event) -> Iterator[str]:
        """Yield the pieces of the greedy completion; see `Generator.stream`."""
        with self._lock:
            decoder = _PieceDecoder(self.model.tokenizer)
            for token_id in self._decode(prompt, max_new_tokens, stop):
                yield decoder.step(token_id)

    def abstention_margin(self, prompt: Prompt) -> float:
        """Return how far "not found" is ahead of any other answer, in logits, uncalibrated."""
        with self._lock:
            scores = self.model.read(self.prompt_ids(prompt), Event())
            assert scores is not None  # nobody stops it
            first = self._first_of_not_found(prompt.language)
            others = np.delete(scores, first)
            return float(scores[first] - others.max())

    def _decode(self, prompt: Prompt, max_new_tokens: int, stop: Event) -> Iterator[int]:
        completion: list[int] = []
        for token in islice(self._tokens(prompt, stop), max_new_tokens):
            completion.append(token)
            if token in self.model.end_ids or _is_circling(completion):
                return
            yield token

    def _tokens(self, prompt: Prompt, stop: Event) -> Iterator[int]:
        """Yield the tokens of the completion, endlessly unless ``stop`` is set."""
        asked = self.prompt_ids(prompt)
        scores = None if stop.is_set() else self.model.read(asked, stop)
        if scores is None or stop.is_set():
            return
        begun = self._begin(prompt, asked, scores, stop)
        yield from begun
        text = [*asked, *begun]
        scores = None if stop.is_set() else self.model.read(text, stop)
        if scores is not None:
            yield from greedy_tokens(self.model, text, scores, stop)

    def _begin(
        self, prompt: Prompt, asked: list[int], scores: NDArray[np.float32], stop: Event
    ) -> list[int]:
        """Return the tokens that the answer begins with, one or more."""
        scores = scores.copy()
        not_found = self._first_of_not_found(prompt.language)
        if abstention := self._abstention.get(prompt.language):
            scores[not_found] += abstention.added(prompt.evidence_score)
        if not self._is_tuned or scores.argmax() == not_found:
            return [int(scores.argmax())]
        scores[not_found] = -np.inf
        proposed = [self.model.encode(answer) for answer in proposed_answers(prompt)]

        def worth(tokens: Sequence[int]) -> float:
            answer = self.model.tokenizer.decode(list(tokens))
            return support(prompt, answer) if fits(prompt.question, answer) else _UNFIT

        begun = likeliest_answer(
            self.model,
            scores,
            asked,
            [] if proposed else self.prompt_ids(unasked(prompt)),
            proposed,
            worth,
            stop,
        )
        # A whole answer of another kind than was asked for: nothing that was weighed is of it.
        is_unfit = begun[-1] in self.model.end_ids and worth(begun) == _UNFIT
        return [not_found] if is_unfit else begun

    def _first_of_not_found(self, language: Language) -> int:
        return self.model.encode(NOT_FOUND[language])[0]


class _PieceDecoder:
    """Turns token ids into text as soon as whole characters are known.

    Kana and kanji arrive at once, also when a character spans several byte tokens;
    transformers' own streamer holds them back until the next space.
    """

    def __init__(self, tokenizer: Any) -> None:  # noqa: ANN401 - a tokenizers.Tokenizer
        from tokenizers.decoders import DecodeStream

        self._tokenizer = tokenizer
        self._stream = DecodeStream(skip_special_tokens=True)

    def step(self, token_id: int) -> str:
        return self._stream.step(self._tokenizer, token_id) or ""


def _is_circling(completion: list[int]) -> bool:
    """Tell whether the last tokens only repeat a phrase of a few tokens."""
    last = completion[-REPEAT_WINDOW:]
    return len(last) == REPEAT_WINDOW and any(
        last[period:] == last[:-period] for period in range(1, REPEAT_WINDOW // 3 + 1)
    )


def prompt_style(folder: Path, config: Config) -> PromptStyle:
    """Return how the model in ``folder`` was taught to be asked, else what the settings say.

    Raises:
        ModelError: the file that says so is damaged.
    """
    file = folder / STYLE_FILE
    if not file.is_file():
        return PromptStyle(config.evidence_sentences)
    try:
        table = json.loads(file.read_text(encoding="utf-8"))
        sentences, passages = int(table["evidence_sentences"]), int(table["max_passages"])
        return PromptStyle(sentences, bool(table["has_examples"]), passages)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelError(f"{file} is damaged. Copy the model again.") from error


AnswerModel = LocalGenerator | ExtractiveGenerator | RemoteGenerator


def load_generator(config: Config) -> AnswerModel:
    """Return the configured answerer, loaded. Nothing is sent to a remote one yet.

    Raises:
        ModelError: the model is not on this machine, unsafe, or not of a supported kind.
    """
    if config.answer_model == EXTRACTIVE:
        return ExtractiveGenerator()
    if config.answer_model == REMOTE:
        return RemoteGenerator(config)
    return LocalGenerator(find_model(config.answer_model, config.models_dir), config)


def _precision(folder: Path, config: Config) -> str:
    """Return "GPTQ 4-bit", "AWQ 4-bit", "16-bit" or "NF4", as checkpoint and settings decide."""
    try:
        table = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ModelError(f"{folder / 'config.json'} is missing or damaged.") from error
    if not isinstance(table, dict):
        raise ModelError(f"{folder / 'config.json'} is missing or damaged.")
    quantization = table.get("quantization_config")
    quantization = quantization if isinstance(quantization, dict) else {}
    method = str(quantization.get("quant_method", "")).upper()
    if method in ("GPTQ", "AWQ") or (folder / "quantize_config.json").is_file():
        method = method or "GPTQ"
        if config.answer_precision != "auto":
            raise ModelError(
                f"{folder} is a checkpoint of {method} and cannot be served as "
                f"{config.answer_precision}. Set RAG_ANSWER_PRECISION=auto."
            )
        return f"{method} {quantization.get('bits', 4)}-bit"
    return "NF4" if config.answer_precision == "nf4" else "16-bit"


def _load_model(folder: Path, precision: str, config: Config) -> CausalModel:
    if precision.startswith("GPTQ") and not uses_gpu(config.device):
        graph = exported_folder(DECODER_EXPORTER, folder, config.models_dir)
        if graph is not None:
            return OpenVinoCausalModel(graph, config.threads)
    return TorchCausalModel(folder, precision, torch_device(config.device))
