"""Which of the stored answers are versions of one question. Pure."""

from collections.abc import Iterable
from itertools import groupby

from rag.store import StoredAnswer


def turns_of(answers: Iterable[StoredAnswer]) -> list[list[StoredAnswer]]:
    """Return the turns of a conversation, each with its versions, newest last.

    Only the last question can be asked anew, so the versions of one stand in a row.
    """
    return [list(versions) for _, versions in groupby(answers, key=lambda stored: stored.turn)]
