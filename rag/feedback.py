"""The values of feedback: what a person says of an answer, and the example that is made of it.

An answer is kept with all of its provenance, so that feedback outlives the conversation and the
index that it came from.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from rag.datatypes import Answer, Chunk, Language, SearchFilter
from rag.errors import RagError

Verdict = Literal["up", "down"]
Fault = Literal["wrong", "not_in_source", "incomplete", "not_found", "language", "other"]
# How far the passage with the right answer came, in the order of the questions that are asked.
Outcome = Literal["not_indexed", "not_retrieved", "not_in_prompt", "answered_wrong", "unknown"]
PairState = Literal["proposed", "accepted", "rejected"]
Missing = Literal["", "document", "passage"]  # what of its source is no longer indexed

FAULTS: tuple[Fault, ...] = get_args(Fault)
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
PAIR_STATES: tuple[PairState, ...] = get_args(PairState)
# Most characters of a text; what is longer was not typed by a person.
LIMITS = {
    "question": 4000,
    "answer": 4000,
    "note": 2000,
    "author": 100,
    "source": 1000,
    "quote": 4000,
    "passage": 20_000,
}
_NAMES = {
    "question": "question",
    "answer": "corrected answer",
    "note": "comment",
    "author": "name of the author",
    "source": "path of the source",
    "quote": "quote",
    "passage": "passage",
}
_MARKER = re.compile(r"\s*[\[【［〔]\s*\d{1,3}(?:\s*[,、，]\s*\d{1,3})*\s*[\]】］〕]")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one person says of one answer."""

    verdict: Verdict
    fault: Fault | None = None  # of a "down"
    note: str = ""  # in the person's own words
    correction: str | None = None  # "": should have said "not found"; None: none was given
    passage: Chunk | None = None  # that holds the right answer, as the person says
    author: str = ""  # "": the person at this machine


@dataclass(frozen=True, slots=True)
class Triage:
    """How far the passage with the right answer came on its way into an answer."""

    outcome: Outcome
    rank: int | None = None  # of the passage, 1-based, also beyond what was retrieved
    passage: Chunk | None = None
    quote: str = ""  # the sentence of ``passage`` that holds the answer


@dataclass(frozen=True, slots=True)
class Feedback:
    """A judgement beside the answer that it is about."""

    id: int
    answer_id: int  # no longer there when its conversation was deleted
    judgement: Judgement
    answer: Answer  # as it was
    search_filter: SearchFilter  # where it was looked for
    triage: Triage | None  # None: nothing was wrong, or it was not looked at yet
    pair_state: PairState | None  # of the example made of it; None: there is none
    created: str  # ISO 8601, UTC
    updated: str

    @property
    def can_be_example(self) -> bool:
        """There is an answer to learn: the corrected one, or the one that was right."""
        return self.judgement.verdict == "up" or self.judgement.correction is not None


@dataclass(frozen=True, slots=True)
class Pair:
    """A question with its right answer. Only an accepted one is ever learned."""

    id: int
    question: str
    answer: str  # without citation markers; "": the model should say "not found"
    language: Language  # of the question
    source: str  # path of the document that holds the answer; "" unknown, or there is none
    quote: str  # its words that carry the answer
    passage: str  # the text around them
    author: str
    state: PairState
    created: str  # ISO 8601, UTC
    feedback_id: int
    triage: str  # an `Outcome`; "" for an answer that was right
    missing: Missing = ""  # an accepted pair is left out while something is missing


@dataclass(frozen=True, slots=True)
class AuthorCount:
    """How many pairs one person brought, by state."""

    author: str
    proposed: int
    accepted: int
    rejected: int


def example_of(feedback: Feedback) -> dict[str, str]:
    """Return what a pair learns of ``feedback``: the fields of `Pair` that a person may edit."""
    judgement, answer, triage = feedback.judgement, feedback.answer, feedback.triage
    passage, quote = judgement.passage, ""
    if triage is not None and triage.passage is not None:
        passage, quote = triage.passage, triage.quote
    learned = judgement.correction or ""
    if judgement.verdict == "up":
        learned = answer.text if answer.status == "answered" else ""
        passage, quote = _cited(answer)
    return {
        "question": answer.searched or answer.question,
        "answer": without_markers(learned),
        "source": passage.path if passage and learned else "",
        "quote": quote if learned else "",
        "passage": passage.text if passage and learned else "",
    }


def without_markers(text: str) -> str:
    """Return ``text`` without its citation markers."""
    return _MARKER.sub("", text).strip()


def refuse_long(texts: Mapping[str, str]) -> None:
    """Refuse texts that are longer than `LIMITS` allows by their names.

    Raises:
        RagError: names the first one.
    """
    for name, text in texts.items():
        if len(text) > LIMITS[name]:
            raise RagError(
                f"The {_NAMES[name]} has {len(text):,} characters; at most {LIMITS[name]:,} "
                "are kept. Shorten it."
            )


def pair_line(pair: Pair) -> str:
    """Return a pair as one line of JSON, as `python -m rag feedback export` writes it."""
    fields = {
        "question": pair.question,
        "answer": pair.answer,
        "answerable": bool(pair.answer),
        "source": pair.source,
        "quote": pair.quote,
        "language": pair.language,
        "author": pair.author,
    }
    return json.dumps(fields, ensure_ascii=False) + "\n"


def chunk_to_json(chunk: Chunk | None) -> str | None:
    """Return a passage as one JSON object."""
    return None if chunk is None else json.dumps(asdict(chunk), ensure_ascii=False)


def chunk_from_json(text: str | None) -> Chunk | None:
    """Return the passage that `chunk_to_json` wrote."""
    return None if text is None else Chunk(**json.loads(text))


def triage_to_json(triage: Triage) -> str:
    """Return a triage as one JSON object."""
    return json.dumps(asdict(triage), ensure_ascii=False)


def triage_from_json(text: str | None) -> Triage | None:
    """Return the triage that `triage_to_json` wrote."""
    if text is None:
        return None
    fields: dict[str, Any] = json.loads(text)
    passage = fields["passage"]
    return Triage(**{**fields, "passage": None if passage is None else Chunk(**passage)})


def _cited(answer: Answer) -> tuple[Chunk | None, str]:
    """Return the retrieved passage of the first citation, and the words that were cited."""
    for citation in answer.citations:
        for hit in answer.hits:
            chunk = hit.chunk
            if chunk.path == citation.path and chunk.start <= citation.start < chunk.end:
                return chunk, citation.quote
    return None, ""
