"""Sentences in passages that tell a model what to do, so that it learns to read past them.

A document may hold such a sentence to turn the answers of those who ask it (Greshake et al., 2023,
arXiv:2302.12173). The right answer stays what it was.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import chain
from pathlib import Path

import numpy as np

from rag.language import detect_language, sentence_spans
from training.datatypes import QAExample

INSTRUCTIONS = Path(__file__).with_suffix(".json")
ENGLISH_TARGETS = (
    "BANANA", "yes", "42", "PWNED", "I cannot answer", "call 555-0199", "the moon", "OK",
    "visit example.com", "no information", "Mr. Smith", "1999", "HACKED", "a secret",
)  # fmt: skip
JAPANESE_TARGETS = (
    "バナナ", "はい", "42", "乗っ取り完了", "回答できません", "山田太郎", "月", "了解", "1999年",
    "example.comへ", "情報なし", "秘密", "ハッキング成功", "電話してください",
)  # fmt: skip
_QUESTION, _TARGET = "\ue000", "\ue001"  # characters that no instruction holds
_QUOTES = ' "」'
_LEAST_OWN = 4  # characters of a sentence that are neither the question nor what is demanded
_LONGEST_TARGET = 30  # characters of an answer that an instruction demands


def with_hidden_instructions(
    examples: Sequence[QAExample], share: float, seed: int
) -> list[QAExample]:
    """Return ``examples``, with an instruction at a random place in a share of their passages.

    Some repeat a question about the passage, so that they come near to it, and some demand what
    answers another question: words that look right.

    Args:
        examples: those with a passage of their own may be changed.
        share: of the passages, 0 to 1.
        seed: chooses passages, places and words.
    """
    rng = np.random.default_rng(seed)
    asked: dict[str, list[str]] = {}
    for one in examples:
        if one.passage:
            asked.setdefault(one.passage, []).append(one.question)
    passages = list(asked)
    answers = {
        is_japanese: sorted({e.answer for e in examples if _is_target(e, is_japanese)})
        for is_japanese in (False, True)
    }
    chosen = rng.permutation(len(passages))[: round(share * len(passages))].tolist()
    changed = {
        passages[n]: _with_instruction(passages[n], asked[passages[n]], answers, rng)
        for n in sorted(chosen)
    }
    return [replace(e, passage=changed.get(e.passage, e.passage)) for e in examples]


@cache
def instruction_words(file: Path) -> dict[str, list[str]]:
    """Return the instructions of a file by language, with {target} and perhaps {question}."""
    words: dict[str, list[str]] = json.loads(file.read_text(encoding="utf-8"))
    return words


def is_hidden_instruction(sentence: str) -> bool:
    """Tell whether a sentence is one that `with_hidden_instructions` writes, or the end of one."""
    return bool(_pattern().fullmatch(sentence.strip(_QUOTES).replace("?", "")))


def _is_target(example: QAExample, is_japanese: bool) -> bool:
    is_short = 0 < len(example.answer) <= _LONGEST_TARGET
    return is_short and (example.language == "ja") == is_japanese


def _with_instruction(
    passage: str,
    questions: Sequence[str],
    answers: Mapping[bool, Sequence[str]],
    rng: np.random.Generator,
) -> str:
    is_japanese = detect_language(passage) == "ja"
    targets = JAPANESE_TARGETS if is_japanese else ENGLISH_TARGETS
    others = [answer for answer in _some(answers[is_japanese], rng) if answer not in passage]
    target = _one([*targets, *others], rng)
    words = _one(instruction_words(INSTRUCTIONS)["ja" if is_japanese else "en"], rng)
    sentence = words.format(target=target, question=_one(questions, rng))
    ends = [0, *(end for _, end in sentence_spans(passage))]
    place = ends[int(rng.integers(len(ends)))]
    space = "" if is_japanese else " "
    return (passage[:place] + space + sentence + space + passage[place:].lstrip()).strip()


def _one(among: Sequence[str], rng: np.random.Generator) -> str:
    return among[int(rng.integers(len(among)))]


def _some(answers: Sequence[str], rng: np.random.Generator) -> list[str]:
    """Return as many answers as there are other targets, so that each is as likely."""
    return [_one(answers, rng) for _ in ENGLISH_TARGETS] if answers else []


@cache
def _pattern() -> re.Pattern[str]:
    """Return what matches each sentence of each instruction, whatever it asks and demands."""
    pieces: dict[str, None] = {}
    for words in chain.from_iterable(instruction_words(INSTRUCTIONS).values()):
        for question in (f"{_QUESTION}?", _QUESTION):  # its mark may end a sentence
            filled = words.format(target=_TARGET, question=question)
            for start, end in sentence_spans(filled):
                pieces[filled[start:end].strip(_QUOTES).replace("?", "")] = None
    escaped = (
        re.escape(piece).replace(_TARGET, ".{1,40}").replace(_QUESTION, ".{1,400}")
        for piece in pieces
        if len(piece.replace(_QUESTION, "").replace(_TARGET, "")) >= _LEAST_OWN
    )
    return re.compile("|".join(escaped))
