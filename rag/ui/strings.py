"""The words of the pages in the reader's language."""

from typing import Literal

from rag.ui.english import EN
from rag.ui.japanese import JA

UiLanguage = Literal["en", "ja"]
LANGUAGE_NAMES: dict[UiLanguage, str] = {"en": "English", "ja": "日本語"}

CATALOGUES: dict[UiLanguage, dict[str, str]] = {"en": EN, "ja": JA}


class Words:
    """The strings of one language."""

    def __init__(self, language: UiLanguage) -> None:
        self.language = language
        self._catalogue = CATALOGUES[language]

    def __call__(self, key: str, **values: object) -> str:
        """Return the string ``key`` with its placeholders filled."""
        text = self._catalogue[key]
        return text.format(**values) if values else text

    def counted(self, key: str, count: int) -> str:
        """Return the string ``key`` for a number of things; English tells one from several."""
        return self(f"{key}_one" if count == 1 else key, count=f"{count:,}")

    def known(self, key: str, otherwise: str, **values: object) -> str:
        """Return the string ``key``, or ``otherwise`` when another module coined the key."""
        return self(key, **values) if key in self._catalogue else otherwise

    def duration(self, seconds: float) -> str:
        """Return a duration for reading: "0.4 s", "12 s" or "3 min 5 s"; "4 s" from an int."""
        if seconds < 10 and not isinstance(seconds, int):
            return self("seconds", value=f"{seconds:.1f}")
        if seconds < 60:
            return self("seconds", value=f"{seconds:.0f}")
        return self("minutes", minutes=int(seconds // 60), seconds=int(seconds % 60))

    def rough_duration(self, seconds: float) -> str:
        """Return a duration that is only guessed: "40 s", "3 min" or "2 h 10 min"."""
        if seconds < 60:
            return self("seconds", value=max(5, 5 * round(seconds / 5)))
        minutes = round(seconds / 60)
        if minutes < 60:
            return self("rough_minutes", minutes=minutes)
        return self("rough_hours", hours=minutes // 60, minutes=minutes % 60)


def language_of_locale(locale: str | None) -> UiLanguage:
    """Return the UI language for a browser's locale such as "ja-JP"."""
    return "ja" if (locale or "").lower().startswith("ja") else "en"
