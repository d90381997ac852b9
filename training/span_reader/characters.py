"""The tokenizer: the word pieces of an English base, and one token for each Japanese character.

The base cuts Japanese into characters as well, but knows few of them, and takes the marks off kana
that tell が from か. Characters of its vocabulary keep their ids, the others get the next ones.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tokenizers import Tokenizer

CLS, SEP, PAD, UNK, MASK = "[CLS]", "[SEP]", "[PAD]", "[UNK]", "[MASK]"
# Punctuation, kana and Han. What lies outside of them, NFKC maps into them or the base knows.
_JAPANESE = "\u3000-\u303f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_KANA = range(0x3041, 0x30FF)
_LATIN_ACCENTS = "[\u0300-\u036f]"  # not the marks of kana, which lie at U+3099
_LONGEST_WORD = 100  # characters; a longer one is unknown, as in BERT


@dataclass(frozen=True, slots=True)
class Characters:
    """Japanese characters with embeddings of their own, in the order of these rows.

    ``known`` come first: the base has a token for each. The id of ``new[n]`` is ``n`` above the
    ids of the base.
    """

    known: tuple[str, ...]
    new: tuple[str, ...]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.known) + len(self.new)

    def token_ids(self, vocabulary: Mapping[str, int]) -> list[int]:
        """Return the token of each row.

        Args:
            vocabulary: of the base.
        """
        first = len(vocabulary)
        known = [vocabulary[character] for character in self.known]
        return known + list(range(first, first + len(self.new)))


def gather_characters(texts: Iterable[str], vocabulary: Mapping[str, int]) -> Characters:
    """Return the usual characters of Japanese and those of ``texts``, in the order of Unicode.

    The usual ones are the kana and level 1 of JIS X 0208. A character that NFKC changes never
    reaches the vocabulary.

    Args:
        texts: to be read, in any language.
        vocabulary: of the base.
    """
    found = {*_jis_level_1(), *map(chr, _KANA)}
    for text in texts:
        found.update(unicodedata.normalize("NFKC", text))
    chosen = sorted(filter(_is_own, found))
    return Characters(
        known=tuple(character for character in chosen if character in vocabulary),
        new=tuple(character for character in chosen if character not in vocabulary),
    )


def _jis_level_1() -> Iterator[str]:
    """Yield the 2,965 most common Han characters: rows 16 to 47 of JIS X 0208."""
    for row in range(0xB0, 0xD0):
        for cell in range(0xA1, 0xFF):
            try:
                yield bytes([row, cell]).decode("euc_jp")
            except UnicodeDecodeError:  # the last row has empty cells
                continue


def _is_own(character: str) -> bool:
    is_japanese = re.fullmatch(f"[{_JAPANESE}]", character) is not None
    is_kept = unicodedata.normalize("NFKC", character) == character
    return is_japanese and is_kept and not character.isspace()


def base_vocabulary(base_file: Path) -> dict[str, int]:
    """Return the ids of the tokens of a ``tokenizer.json``."""
    from tokenizers import Tokenizer

    return dict(Tokenizer.from_file(str(base_file)).get_vocab())


def character_tokenizer(base_file: Path, new: Sequence[str]) -> "Tokenizer":
    """Return the tokenizer of the base with ``new`` characters, for single texts and pairs.

    It neither pads nor cuts. Offsets point into the text as it was given. "[SEP]" in a text is
    read as three ordinary tokens: the words of a document cannot end it.

    Args:
        base_file: ``tokenizer.json`` of a model with lower-case word pieces.
        new: characters in the order of their ids.

    Raises:
        ValueError: the base knows a character of ``new``, so that ids would shift.
    """
    from tokenizers import Tokenizer, models

    vocabulary = base_vocabulary(base_file)
    known = [character for character in new if character in vocabulary]
    if known:
        raise ValueError(f"The base knows {''.join(known)!r} already; give only new characters.")
    for character in new:
        vocabulary[character] = len(vocabulary)
    tokenizer = Tokenizer(
        models.WordPiece(vocabulary, unk_token=UNK, max_input_chars_per_word=_LONGEST_WORD)
    )
    _set_steps(tokenizer, vocabulary)
    return tokenizer


def _set_steps(tokenizer: Any, vocabulary: Mapping[str, int]) -> None:  # noqa: ANN401 - a Tokenizer, whose settable parts are untyped
    from tokenizers import Regex, normalizers, pre_tokenizers, processors

    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.NFKC(),
            normalizers.Lowercase(),
            normalizers.NFD(),
            normalizers.Replace(Regex(_LATIN_ACCENTS), ""),
            normalizers.NFC(),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(f"[{_JAPANESE}]"), "isolated"),
            pre_tokenizers.BertPreTokenizer(),
        ]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{CLS} $A {SEP}",
        pair=f"{CLS} $A {SEP} $B:1 {SEP}:1",
        special_tokens=[(token, vocabulary[token]) for token in (CLS, SEP)],
    )
