"""Headings that are told by their words alone: in rules and contracts, and in plain text.

Few Japanese rules use the heading styles of their program; what stands in chapter 3 would else
be found without its chapter. Plain text has no styles at all.
"""

import re

_NUMBER = r"[\d０-９一二三四五六七八九十百]+"
_CHAPTER = re.compile(rf"第\s?{_NUMBER}\s?([編章節款])(?:[\s　]+\S.*|[（(【].*)?")
_ARTICLE = re.compile(rf"第\s?{_NUMBER}\s?条(?:の{_NUMBER})?[\s　]*[（(【][^（()）【】]*[)）】]")
_SUPPLEMENT = re.compile(r"附[\s　]*則(?:[（(].*[)）])?")
_ENTRY_OF_CONTENTS = re.compile(r"[\t.…‥・][\s　]*[\d０-９]+$")
_CAPITALS = re.compile(r"(?=(?:[^A-Z]*[A-Z]){4})[^a-z]+")
_MARKED = re.compile(r"[■□◆◇▼](?:[\s　]*)\S.*|【[^【】]+】")
_NUMBERED = re.compile(
    r"(?=\d+[.．)）]|[\d.]+\.\d)(\d{1,2}(?:[.．]\d{1,2}){0,3})[.．)）]?[\s　]+\S.*"
)
_ENDS_SENTENCE = tuple("。．.!?！？、,，;；:：")
_MAX_CHARACTERS = 60
_LEVELS = {"編": 11, "章": 12, "節": 13, "款": 14}  # below all that a style marks
_ARTICLE_LEVEL = 15
_CAPITALS_LEVEL = 3  # below the two kinds of underlined ones
_MARKED_LEVEL = 4


def outline_level(text: str) -> int | None:
    """Return the heading level of a paragraph that names a chapter or an article, else None."""
    text = text.strip()
    if len(text) > _MAX_CHARACTERS or text.endswith(("。", "、")) or "\n" in text:
        return None
    if _ENTRY_OF_CONTENTS.search(text):
        return None
    if match := _CHAPTER.fullmatch(text):
        return _LEVELS[match[1]]
    if _SUPPLEMENT.fullmatch(text):
        return _LEVELS["章"]
    return _ARTICLE_LEVEL if _ARTICLE.fullmatch(text) else None


def plain_level(line: str, *, stands_alone: bool) -> int | None:
    """Return the heading level of a line of plain text that begins a paragraph, else None.

    Args:
        line: the first one of the paragraph.
        stands_alone: the paragraph has no other line: a number or capitals tell a heading then.
    """
    line = line.strip()
    if (level := outline_level(line)) is not None:
        return level
    if len(line) > _MAX_CHARACTERS or line.endswith(_ENDS_SENTENCE):
        return None
    if _MARKED.fullmatch(line):
        return _MARKED_LEVEL
    if not stands_alone or _ENTRY_OF_CONTENTS.search(line):
        return None
    if match := _NUMBERED.fullmatch(line):
        return _MARKED_LEVEL + 1 + len(re.findall(r"[.．]", match[1]))
    return _CAPITALS_LEVEL if _CAPITALS.fullmatch(line) else None
