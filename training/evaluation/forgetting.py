"""Has tuning destroyed what a model knew? How likely plain sentences are, before and after.

The sentences are ours, about things that every model has read of, so that no test set and no
document of a person is needed. A likelihood counts in nats a byte, the natural logarithm over the
bytes of UTF-8, so that models with different tokenizers can be compared (bits per byte, Gao et
al., 2020, arXiv:2101.00027, section 3.1).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rag.datatypes import Language
from rag.inference.causal_model import CausalModel

if TYPE_CHECKING:
    from rag.generate import LocalGenerator

SENTENCES: tuple[tuple[Language, str], ...] = (
    ("en", "Water boils when it becomes hot enough, and steam rises into the air."),
    ("en", "The children walked to school with their books in their bags."),
    ("en", "In winter the days are short and the nights are long and cold."),
    ("en", "She opened the window because the room was too warm."),
    ("en", "A doctor works in a hospital and helps people who are sick."),
    ("en", "The capital of France is Paris, a city on the river Seine."),
    ("en", "Birds build nests in trees and lay their eggs there in spring."),
    ("en", "The train arrived late, so we missed the beginning of the film."),
    ("en", "If you mix blue paint and yellow paint, you get green."),
    ("en", "He cut the bread, put some butter on it and ate it with cheese."),
    ("en", "The earth moves around the sun once every year."),
    ("en", "They bought a small house near the sea and lived there for many years."),
    ("en", "Please send me the report before the end of the week."),
    ("en", "Two plus two is four, and three times three is nine."),
    ("en", "The old man told a story about a king who lost his crown."),
    ("ja", "日本の首都は東京です。"),
    ("ja", "春になると桜の花が咲き、多くの人が公園に集まります。"),
    ("ja", "彼女は毎朝七時に起きて、駅まで歩いて行きます。"),
    ("ja", "水は零度で氷になり、百度で沸騰します。"),
    ("ja", "昨日は雨が降っていたので、家で本を読んでいました。"),
    ("ja", "富士山は日本で一番高い山です。"),
    ("ja", "子どもたちは学校で国語と算数を勉強します。"),
    ("ja", "この店では新しい野菜と果物を売っています。"),
    ("ja", "会議は来週の月曜日の午後に行われる予定です。"),
    ("ja", "電車が遅れたため、約束の時間に間に合いませんでした。"),
    ("ja", "夏休みに家族と一緒に海へ行きました。"),
    ("ja", "医者は病院で病気の人を治す仕事をしています。"),
    ("ja", "地球は一年かけて太陽の周りを回ります。"),
    ("ja", "わからないことがあれば、いつでも先生に聞いてください。"),
    ("ja", "昔々、あるところにおじいさんとおばあさんが住んでいました。"),
)


def sentence_likelihoods(generator: "LocalGenerator") -> list[float]:
    """Return the mean log-likelihood of each of `SENTENCES`, in nats a byte; higher is better.

    The first token of a sentence is given: nothing that a chat model knows comes before it.
    """
    model = generator.model
    found = []
    for _, sentence in SENTENCES:
        ids = model.encode(sentence)
        scores = _scores(model, ids[:-1])
        following = np.asarray(ids[1:])
        log_likelihood = _log_softmax(scores)[np.arange(len(following)), following].sum()
        found.append(float(log_likelihood) / len(sentence.encode()))
    return found


def _scores(model: CausalModel, ids: Sequence[int]) -> NDArray[np.float32]:
    """Return the scores of what follows each of ``ids``. Shape: ``(len(ids), vocabulary)``."""
    model.reset()
    scores = model.extend(ids).copy()  # the model writes over it
    model.reset()
    return scores


def _log_softmax(scores: NDArray[np.float32]) -> NDArray[np.float64]:
    shifted = scores.astype(np.float64) - scores.max(axis=-1, keepdims=True)
    normal: NDArray[np.float64] = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return normal
