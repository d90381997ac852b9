"""Cut questions and passages to what a cross-encoder reads of both together."""

from collections.abc import Sequence
from typing import Any


class PairCutter:
    """Knows how many tokens of a question and of a passage a model reads. Not thread-safe.

    A question is kept whole, and a passage loses its end. Only a question that would leave a
    passage less than half of the room loses its own end.
    """

    def __init__(self, tokenizer: str, max_length: int) -> None:
        from tokenizers import Tokenizer

        # A copy: a tokenizer that is set to cut cannot count.
        self._tokenizer = Tokenizer.from_str(tokenizer)
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self.room = max_length - int(self._tokenizer.num_special_tokens_to_add(is_pair=True))

    def cut(self, question: str, passages: Sequence[str]) -> list[tuple[str, str]]:
        """Return the question with each of ``passages``, as far as they are read."""
        encoded = self._encode([question])[0]
        question_tokens = min(len(encoded.ids), self.room // 2)
        question = _prefix(question, encoded, question_tokens)
        return [
            (question, _prefix(passage, tokens, self.room - question_tokens))
            for passage, tokens in zip(passages, self._encode(passages), strict=True)
        ]

    def _encode(self, texts: Sequence[str]) -> list[Any]:
        encodings: list[Any] = self._tokenizer.encode_batch(list(texts), add_special_tokens=False)
        return encodings


def _prefix(text: str, encoding: Any, tokens: int) -> str:  # noqa: ANN401 - tokenizers.Encoding
    return text if len(encoding.ids) <= tokens else text[: encoding.offsets[tokens - 1][1]]
