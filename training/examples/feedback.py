"""The accepted corrections of the app as examples."""

from collections.abc import Iterable
from contextlib import suppress

from rag.config import Config
from rag.errors import IndexNotFoundError
from rag.feedback import Pair
from training.datatypes import QAExample
from training.examples.sentence import Sentence
from training.examples.values import ReadExamples, RejectedRow

NAME = "feedback"


def read_feedback(config: Config) -> ReadExamples:
    """Return the accepted corrections of this machine; those whose source is gone are rejected.

    Raises:
        RagError: the store or the index is damaged.
    """
    from rag.corpus import Corpus
    from rag.generations import open_current
    from rag.store import Store

    feedback = Store(config.state_dir).feedback
    with suppress(IndexNotFoundError):  # nothing can be missing from what is not there
        feedback.mark_missing(Corpus(open_current(config.index_dir).path).document)
    return from_feedback(feedback.pairs("accepted"))


def from_feedback(pairs: Iterable[Pair]) -> ReadExamples:
    """Return what may be learned of ``pairs``: accepted by a person, its source still indexed.

    Others are rejected here too, so that no caller can train on them by mistake. A pair without
    an answer teaches to say "not found".
    """
    examples: list[QAExample] = []
    rejected: list[RejectedRow] = []
    for pair in pairs:
        place = f"{NAME}:{pair.id}"
        if pair.state != "accepted":
            reason = Sentence("pair_not_accepted", {"state": pair.state})
            rejected.append(RejectedRow(place, reason))
        elif pair.missing:
            rejected.append(RejectedRow(place, Sentence("pair_missing")))
        elif not pair.question.strip():
            rejected.append(RejectedRow(place, Sentence("question_empty")))
        else:
            examples.append(_example(pair, place))
    return ReadExamples(NAME, tuple(examples), tuple(rejected), NAME, {})


def _example(pair: Pair, place: str) -> QAExample:
    answer = pair.answer.strip()
    return QAExample(
        pair.question.strip(),
        answer,
        pair.language,
        place,
        origin="feedback",
        answers=(answer,) if answer else (),
        passage=pair.passage,
        quote=pair.quote,
        source=pair.source,
        group=pair.source,
        author=pair.author,
    )
