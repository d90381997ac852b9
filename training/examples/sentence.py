"""What is said to a person about examples, in English and Japanese, kept as kind and values.

A report outlives the command that made it, and a page shows it in the language of its reader.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from training.examples.words_checks import CHECKS
from training.examples.words_reading import READING

Value = str | int | float

WORDS: dict[str, tuple[str, str]] = {**READING, **CHECKS}


@dataclass(frozen=True, slots=True)
class Sentence:
    """One or more sentences of `WORDS` with their values. ``str`` gives the English."""

    kind: str
    values: Mapping[str, Value] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.text("en")

    def text(self, language: str) -> str:
        """Return the words in Japanese for "ja", else in English."""
        english, japanese = WORDS[self.kind]
        return (japanese if language == "ja" else english).format(**self.values)

    def to_json(self) -> dict[str, Any]:
        """Return kind and values, and the words for a reader that knows no kinds."""
        return {
            "kind": self.kind,
            "values": dict(self.values),
            "en": self.text("en"),
            "ja": self.text("ja"),
        }


def sentence_from_json(fields: Mapping[str, Any]) -> Sentence:
    """Return the sentence that `Sentence.to_json` wrote.

    Raises:
        KeyError: a kind that this version does not know.
    """
    WORDS[fields["kind"]]
    return Sentence(fields["kind"], dict(fields["values"]))
