"""Which languages an answer model can read: measured with small questions, not believed.

A model card may name many languages, and a model that does not know one still writes
something in it. Questions in such a language are answered by quoting instead.
"""

import contextlib
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Event

from rag.datatypes import Chunk, Hit, Language
from rag.prompt import build_prompt
from rag.protocols import Generator

PASS_SHARE = 0.5  # of the questions below that the model must answer
_MAX_NEW_TOKENS = 24
_REMEMBERED = 20  # models

# Two facts, a question about one of them, and what a right answer contains.
READING_QUESTIONS: dict[Language, tuple[tuple[str, str, str, str], ...]] = {
    "en": (
        ("The train leaves at 10:40.", "Tickets cost 5 euros.", "When does it leave?", "10:40"),
        ("Anna paints houses.", "Ben repairs bicycles.", "Who repairs bicycles?", "Ben"),
        ("The pool is 25 metres long.", "It opens at noon.", "How long is the pool?", "25 metres"),
        ("Coffee is in the garden.", "Tea costs 200 yen.", "Where is coffee served?", "garden"),
        ("The lamp is green.", "The chair is blue.", "What colour is the chair?", "blue"),
        ("Send form B-7 to the office.", "Keep a copy.", "Which form must be sent?", "B-7"),
    ),
    "ja": (
        ("列車は10時40分に出ます。", "切符は500円です。", "列車は何時に出ますか。", "10時40分"),
        ("山田は家を塗ります。", "鈴木は自転車を直します。", "自転車を直すのは誰?", "鈴木"),
        ("プールの長さは25メートルです。", "正午に開きます。", "プールの長さは?", "25メートル"),
        ("コーヒーは庭で出します。", "お茶は200円です。", "お茶はいくらですか。", "200円"),
        ("電灯は緑色です。", "椅子は青色です。", "椅子は何色ですか。", "青"),
        ("様式B-7を事務所に送ります。", "写しは保管します。", "どの様式を送りますか。", "B-7"),
    ),
}  # fmt: skip


def readable_languages(generator: Generator) -> tuple[Language, ...]:
    """Return the languages in which ``generator`` answers at least half of the questions."""
    return tuple(name for name in READING_QUESTIONS if _score(generator, name) >= PASS_SHARE)


def _score(generator: Generator, language: Language) -> float:
    questions = READING_QUESTIONS[language]
    style = replace(generator.style, evidence_sentences=0)
    right = 0
    for first, second, question, expected in questions:
        hits = [Hit(n, Chunk("", 0, len(t), t), 0.0) for n, t in ((1, first), (2, second))]
        count = generator.count_prompt_tokens
        prompt = build_prompt(question, language, hits, 1 << 20, count, style=style)
        right += expected in "".join(generator.stream(prompt, _MAX_NEW_TOKENS, Event()))
    return right / len(questions)


def remembered_languages(
    load_generator: Callable[[], Generator], key: str, file: Path
) -> tuple[Language, ...]:
    """Return `readable_languages`, measured once and kept in ``file`` under ``key``.

    The model is loaded only to be measured. An unreadable file only means to measure again:
    it holds nothing else.
    """
    known = _measured_before(file)
    if key in known:
        return known[key]
    languages = readable_languages(load_generator())
    kept = dict(list(known.items())[-_REMEMBERED:])
    with contextlib.suppress(OSError):  # it can be measured again
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = file.with_name(f"{file.name}.{os.getpid()}")
        partial.touch(mode=0o600)
        partial.write_text(json.dumps({**kept, key: languages}), encoding="utf-8")
        partial.replace(file)
    return languages


def _measured_before(file: Path) -> dict[str, tuple[Language, ...]]:
    try:
        table = json.loads(file.read_text(encoding="utf-8"))
        return {str(key): tuple(languages) for key, languages in table.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
