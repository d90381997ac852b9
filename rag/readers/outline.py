"""Headings that are told by their words alone: chapters and articles of rules and contracts.

Few Japanese rules use the heading styles of their program; what stands in chapter 3 would else
be found without its chapter.
"""

import re

_NUMBER = r"[\d０-９一二三四五六七八九十百]+"
_CHAPTER = re.compile(rf"第\s?{_NUMBER}\s?([編章節款])(?:[\s　]+\S.*|[（(【].*)?")
_ARTICLE = re.compile(rf"第\s?{_NUMBER}\s?条(?:の{_NUMBER})?[\s　]*[（(【][^（()）【】]*[)）】]")
_SUPPLEMENT = re.compile(r"附[\s　]*則(?:[（(].*[)）])?")
_ENTRY_OF_CONTENTS = re.compile(r"[\t.…‥・][\s　]*[\d０-９]+$")
_MAX_CHARACTERS = 60
_LEVELS = {"編": 11, "章": 12, "節": 13, "款": 14}  # below all that a style marks
_ARTICLE_LEVEL = 15


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
