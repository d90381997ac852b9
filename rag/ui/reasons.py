"""Reasons of files and messages of errors in the reader's language.

The index, JSON and the command line keep them in English; the pages translate what they show.
A message is taken apart into the sentences that are known, so that one beside another, as in a
reason with a remark, needs no entry of its own. What is unknown stays as it is.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from string import Formatter

from rag.ui.access_errors_ja import ACCESS_ERRORS
from rag.ui.errors_ja import ERRORS
from rag.ui.findings_ja import FINDINGS, REMEDIES
from rag.ui.phrases_ja import PHRASES
from rag.ui.reasons_ja import REASONS
from rag.ui.refusals_ja import REFUSALS
from rag.ui.strings import Words
from rag.ui.training_errors_ja import TRAINING_ERRORS

SENTENCES = {**REASONS, **REFUSALS, **ERRORS, **ACCESS_ERRORS, **TRAINING_ERRORS}

_NUMBERS = (
    "after",
    "before",
    "count",
    "depth",
    "high",
    "limit",
    "low",
    "million",
    "pages",
    "seconds",
    "size",
)
_LISTS = ("error", "gates", "origin", "parts", "problems")  # may hold what no phrase says
_SHAPES = {**dict.fromkeys(_NUMBERS, r"\d[\d,.]*"), "setting": r"\w+"}
_ANYTHING = ".*?"
_SENTENCE_END = r"(?<=[.:]) "
_ITEM_END = "; "
_KEY_CHARACTERS = 12
_MAX_CHARACTERS = 2000  # a reader that went astray may say anything; matching is quadratic


def reason_words(words: Words, text: str) -> str:
    """Return a reason, a remark or a message for reading; unknown sentences stay English."""
    return _japanese(text) if words.language == "ja" else text


def finding_words(words: Words, text: str) -> str:
    """Return what the doctor says, or how to mend it, for reading."""
    return _FINDINGS.translate(text) if words.language == "ja" else text


@dataclass(frozen=True)
class _Template:
    english: str
    japanese: str

    @cached_property
    def beginning(self) -> str:
        """What stands before the first placeholder."""
        return self.english.partition("{")[0]

    @cached_property
    def is_found_anywhere(self) -> bool:
        """Tell whether it may follow another one: one that begins with any text would eat it."""
        return bool(self.beginning) or _hole(self.english[1:].partition("}")[0]) != _ANYTHING

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Match the filled template."""
        return re.compile(_regex(self.english, is_named=True), re.DOTALL)

    def filled(self, match: re.Match[str]) -> str:
        """Return the Japanese with the values of the English."""
        values = {name: _value(name, value) for name, value in match.groupdict().items()}
        return self.japanese.format(**values)


class _Table:
    """Translates what consists of filled templates."""

    def __init__(
        self, entries: Mapping[str, str], end: str, joint: str, foreign_joint: str
    ) -> None:
        """Take the templates and what stands between two of them.

        Args:
            entries: English -> Japanese.
            end: pattern of what parts two items in English.
            joint: stands between two Japanese items.
            foreign_joint: stands beside an item that stays English.
        """
        templates = [_Template(*entry) for entry in entries.items()]
        templates.sort(key=lambda template: -len(template.english))  # one may begin like another
        self._by_beginning: dict[str, list[_Template]] = {}
        self._others: list[_Template] = []  # those that begin with a placeholder, or soon after
        for template in templates:
            key = template.beginning[:_KEY_CHARACTERS]
            is_long = len(key) == _KEY_CHARACTERS
            group = self._by_beginning.setdefault(key, []) if is_long else self._others
            group.append(template)
        self._end = re.compile(end)
        self._joint = joint
        self._foreign_joint = foreign_joint

    def translate(self, text: str) -> str:
        """Return ``text`` with all known items in Japanese, and as it is without any."""
        shown = ""
        was_known = is_any_known = False
        at = 0
        while at < len(text):
            item, stop = self.first(text, at)
            is_known = item is not None
            if item is None:
                end = self._end.search(text, at)
                stop = end.start() if end else len(text)
                item = text[at:stop]
            joint = self._joint if is_known and was_known else self._foreign_joint
            shown += item if at == 0 else joint + item
            was_known, is_any_known = is_known, is_any_known or is_known
            end = self._end.match(text, stop)
            at = end.end() if end else len(text)
        return shown if is_any_known else text

    def first(self, text: str, at: int = 0) -> tuple[str | None, int]:
        """Return the Japanese of the item at ``at``, None when it is unknown, and its end."""
        for template in self._candidates(text, at):
            found = None
            for end in (*(match.start() for match in self._end.finditer(text, at)), len(text)):
                match = template.pattern.fullmatch(text, at, end)
                # A name may hold what looks like the end of a sentence: "1. Report.docx".
                if match and (end == len(text) or self._is_known_after(text, end)):
                    return template.filled(match), end
                found = found or match
            if found:
                return template.filled(found), found.end()
        return None, at

    def _is_known_after(self, text: str, end: int) -> bool:
        parting = self._end.match(text, end)
        after = parting.end() if parting else end
        return any(True for _ in self._candidates(text, after))

    def _candidates(self, text: str, at: int) -> Iterator[_Template]:
        keyed = self._by_beginning.get(text[at : at + _KEY_CHARACTERS], ())
        for template in (*keyed, *self._others):
            if at and not template.is_found_anywhere:
                continue
            if text.startswith(template.beginning, at) and template.pattern.match(text, at):
                yield template


def _regex(template: str, *, is_named: bool) -> str:
    parts = []
    for literal, name, _, _ in Formatter().parse(template):
        parts.append(re.escape(literal))
        if name:
            parts.append(f"({f'?P<{name}>' if is_named else '?:'}{_hole(name)})")
    return "".join(parts)


def _hole(name: str) -> str:
    if name in PHRASES and name not in _LISTS:
        return "|".join(_regex(phrase, is_named=False) for phrase in PHRASES[name])
    return _SHAPES.get(name, _ANYTHING)


def _value(name: str, value: str) -> str:
    if name == "reasons":
        return "；".join(_named_reason(item) for item in re.split(r"(?<=\.); ", value))
    return _PHRASES[name].translate(value) if name in _PHRASES else value


def _named_reason(item: str) -> str:
    """Translate "name: reason", where the name may hold a colon too."""
    for colon in re.finditer(": ", item):
        reason = item[colon.end() :]
        if _SENTENCES.first(reason)[0] is not None:
            return f"{item[: colon.start()]}：{_japanese(reason).removesuffix('。')}"
    return item


_SENTENCES = _Table(SENTENCES, _SENTENCE_END, "", " ")
_FINDINGS = _Table({**SENTENCES, **FINDINGS, **REMEDIES}, _SENTENCE_END, "", " ")
_PHRASES = {name: _Table(phrases, _ITEM_END, "；", "; ") for name, phrases in PHRASES.items()}


@lru_cache(maxsize=20_000)
def _japanese(text: str) -> str:
    if text in SENTENCES and "{" not in text:
        return SENTENCES[text]
    return text if len(text) > _MAX_CHARACTERS else _SENTENCES.translate(text)
