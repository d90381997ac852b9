"""An answer in the tables of a chat completion, whole or in pieces."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from rag.answer_table import passage_table
from rag.api.chat_request import EXTENSION, MODEL
from rag.datatypes import Answer
from rag.language import sentence_spans


@dataclass(frozen=True, slots=True)
class Completion:
    """What all tables of one answer have in common."""

    id: str
    created: int  # seconds since 1970
    max_new_tokens: int

    def whole(self, answer: Answer) -> dict[str, Any]:
        """Return the answer as one object."""
        return {
            **self._head("chat.completion"),
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": answer.text, "refusal": None},
                    "logprobs": None,
                    "finish_reason": self._reason(answer),
                }
            ],
            "usage": usage_table(answer),
            EXTENSION: extension_table(answer),
        }

    def beginning(self) -> dict[str, Any]:
        """Return the first piece of a stream, which names who speaks."""
        return self._piece({"role": "assistant", "content": ""})

    def draft(self, text: str) -> dict[str, Any]:
        """Return a piece of what the model writes, before it is checked.

        Beside the answer and not in it: what the passages do not support is left out of that,
        and what a program has received as an answer cannot be taken back.
        """
        return self._piece({"reasoning_content": text})

    def ending(self, answer: Answer, *, includes_usage: bool) -> Iterator[dict[str, Any]]:
        """Yield the checked answer sentence by sentence, and what closes a stream."""
        starts = [start for start, _ in sentence_spans(answer.text)] or [0]
        starts[0] = 0
        for start, end in zip(starts, [*starts[1:], len(answer.text)], strict=True):
            yield self._piece({"content": answer.text[start:end]})
        yield {**self._piece({}, self._reason(answer)), EXTENSION: extension_table(answer)}
        if includes_usage:
            head = self._head("chat.completion.chunk")
            yield {**head, "choices": [], "usage": usage_table(answer)}

    def _piece(self, delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return {**self._head("chat.completion.chunk"), "choices": [choice]}

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": MODEL}

    def _reason(self, answer: Answer) -> str:
        is_cut = answer.source == "model" and answer.usage.completion >= self.max_new_tokens
        return "length" if is_cut else "stop"


def usage_table(answer: Answer) -> dict[str, int]:
    """Return the tokens; 0 of a model that was not asked."""
    usage = answer.usage
    return {
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.completion,
        "total_tokens": usage.prompt + usage.completion,
    }


def extension_table(answer: Answer) -> dict[str, Any]:
    """Return what an answer rests on; docs/api.md documents it."""
    return {
        "status": answer.status,
        "source": answer.source,
        "language": answer.language,
        "searched": answer.searched or answer.question,
        "evidence": answer.evidence,
        "evidence_level": answer.evidence_level,
        "citations": [asdict(citation) for citation in answer.citations],
        "passages": [passage_table(hit) for hit in answer.hits],
        "timings": asdict(answer.timings),
        "model_id": answer.model_id,
        "index_id": answer.index_id,
    }
