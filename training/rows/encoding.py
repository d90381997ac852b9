"""A row as a model learns it: the prompt exactly as served, then the answer and its end.

Only the answer has labels (Dettmers et al., 2023, arXiv:2305.14314, section 5). A model that is
never taught to end goes on to write quotation marks and passages of its own.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.datatypes import Message, Prompt
from rag.errors import ModelError, RagError
from rag.inference.chat_template import ChatTemplate
from training.datatypes import AnswerRow

IGNORED = -100  # label of a token that is read and not learned
_PROBE = "\ue000"  # a character that no template writes itself


class RowTooLongError(RagError):
    """A row that a model cannot read whole. It is never cut: the end of the answer would go."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """The tokens of a row. ``labels`` is `IGNORED` where nothing is learned; lengths are equal."""

    input_ids: tuple[int, ...]
    labels: tuple[int, ...]


class RowEncoder:
    """Turns rows into tokens as the model in a folder is asked and answers.

    Args:
        folder: model with tokenizer and chat template.
        max_tokens: of prompt and answer together; 0 means what the model reads.

    Raises:
        ModelError: the folder has no usable tokenizer, no chat template, or no end of an answer.
    """

    def __init__(self, folder: Path, max_tokens: int = 0) -> None:
        from transformers import AutoTokenizer

        self._folder = folder
        self._template = ChatTemplate(folder)
        if not self._template.exists:
            raise ModelError(
                f"The model in {folder} has no chat template, so it cannot be asked as it is "
                "served. Choose an instruction-tuned model (its name often ends in -Instruct)."
            )
        try:
            self.tokenizer: Any = AutoTokenizer.from_pretrained(
                folder, trust_remote_code=False, local_files_only=True
            )
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise ModelError(f"The tokenizer in {folder} could not be loaded ({error}).") from error
        self.context_tokens = int(
            _read(folder / "config.json").get("max_position_embeddings", 2048)
        )
        self.max_tokens = min(max_tokens or self.context_tokens, self.context_tokens)
        self.end_id = self._end_id()

    @property
    def pad_id(self) -> int:
        """Token that fills up a batch. It is masked, and may be the one that ends an answer."""
        pad = self.tokenizer.pad_token_id
        return self.end_id if pad is None else int(pad)

    def prompt_ids(self, prompt: Prompt) -> list[int]:
        """Return the tokens of the rendered chat, up to where the answer begins, as served."""
        return self._ids(self._template.render(prompt.messages))

    def count_prompt_tokens(self, prompt: Prompt) -> int:
        """Return the tokens of the rendered chat."""
        return len(self.prompt_ids(prompt))

    def encode(self, row: AnswerRow) -> Encoded:
        """Return the tokens of ``row``, with labels on its answer and the end of it.

        Prompt and answer are tokenized apart, because a served answer begins after whole tokens.

        Raises:
            RowTooLongError: the row does not fit; names its place.
        """
        prompt = self.prompt_ids(row.prompt)
        answer = self.completion_ids(row.completion)
        length = len(prompt) + len(answer)
        if length > self.max_tokens:
            raise RowTooLongError(
                f"{row.example.place}: the prompt has {len(prompt):,} tokens and the answer "
                f"{len(answer):,}, together more than the {self.max_tokens:,} of a row. Shorten "
                "the answer, lower prompt.budget_tokens, or raise train.max_tokens."
            )
        return Encoded((*prompt, *answer), (IGNORED,) * len(prompt) + tuple(answer))

    def completion_ids(self, completion: str) -> list[int]:
        """Return the tokens of an answer, its end among them."""
        return [*self._ids(completion), self.end_id]

    def text(self, ids: Sequence[int]) -> str:
        """Return what ``ids`` say, special tokens written out, for a person to check."""
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=False))

    def check_eos(self, encoded: Encoded) -> None:
        """Make sure that a row teaches its end, and nothing of its prompt.

        Raises:
            ValueError: the last label is no end, or the labels are not one run at the end.
        """
        learned = [label for label in encoded.labels if label != IGNORED]
        if not learned or encoded.labels[-1] != self.end_id:
            raise ValueError("The row does not teach the end of its answer.")
        if tuple(learned) != encoded.input_ids[-len(learned) :]:
            raise ValueError("The labels are not the tokens of the answer.")

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def _end_id(self) -> int:
        """Return the token that ends an answer in the chats of this model and stops its serving."""
        ends = self._serving_ends()
        if not ends:
            raise ModelError(
                f"The model in {self._folder} names no token that ends an answer (eos_token)."
            )
        closing = [token for token in self._ids(self._after_answer()) if token in ends]
        return closing[0] if closing else min(ends)

    def _serving_ends(self) -> set[int]:
        """Return the tokens that end a served answer, as `TorchCausalModel.end_ids` does."""
        end = _read(self._folder / "generation_config.json").get("eos_token_id")
        ends = {end} if isinstance(end, int) else set(end or ())
        own = self.tokenizer.eos_token_id
        return ends | ({own} if own is not None else set())

    def _after_answer(self) -> str:
        """Return what the chat template writes after the words of an answer."""
        chat = (Message("user", "?"), Message("assistant", _PROBE))
        return self._template.render(chat).partition(_PROBE)[2]


def _read(file: Path) -> dict[str, Any]:
    try:
        table = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ModelError(f"{file} is damaged. Copy the model again.") from error
    return table if isinstance(table, dict) else {}
