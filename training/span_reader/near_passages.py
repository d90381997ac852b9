"""Passages that look like an answer to a question: those that share its rarest words (TF-IDF)."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from rag.datatypes import Language

FOUND = 12  # passages for each question
_LARGE = 100  # passages; of so many, an n-gram of only one is left out, to save memory
_BLOCK = 1000  # questions that are compared with all passages at a time


def near_passages(
    passages: Sequence[str], questions: Sequence[str], language: Language
) -> NDArray[np.int64]:
    """Return the passages nearest to each question, best first.

    Words in English, two and three characters in Japanese, which has no spaces.

    Shapes:
        result: ``(questions, FOUND or all passages)``, places in ``passages``.

    Raises:
        ValueError: no passage has a word that could be shared.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    if language == "ja":
        vectorizer = TfidfVectorizer(
            analyzer="char",
            ngram_range=(2, 3),
            min_df=2 if len(passages) > _LARGE else 1,
            sublinear_tf=True,
        )
    else:
        vectorizer = TfidfVectorizer(token_pattern=r"\w+", sublinear_tf=True, stop_words="english")
    columns = vectorizer.fit_transform(passages).T
    asked = vectorizer.transform(questions)
    blocks = [
        _best((asked[start : start + _BLOCK] @ columns).toarray())
        for start in range(0, len(questions), _BLOCK)
    ]
    return np.concatenate(blocks)


def _best(similarity: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the best columns of each row, in their order."""
    count = min(FOUND, similarity.shape[1])
    found = np.argpartition(-similarity, count - 1, axis=1)[:, :count]
    order = np.argsort(-np.take_along_axis(similarity, found, axis=1), axis=1)
    return np.take_along_axis(found, order, axis=1)


def misses(
    found: Sequence[int], passages: Sequence[str], own: int, answers: Sequence[str]
) -> Iterator[int]:
    """Yield those of ``found`` that are not the ``own`` passage and hold none of ``answers``."""
    lowered = [answer.lower() for answer in answers]
    for place in found:
        text = passages[place].lower()
        if place != own and not any(answer in text for answer in lowered):
            yield place
