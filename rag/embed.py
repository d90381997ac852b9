"""Embed queries and passages with a sentence-transformers model.

On a CPU its graph is run by OpenVINO, on a GPU by PyTorch.

The languages a model knows are measured, not believed: a model card may name fifty and
all-MiniLM, which knows English alone, still returns confident vectors for Japanese.
"""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from threading import RLock
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rag.config import Config
from rag.datatypes import Language
from rag.inference.device import uses_gpu
from rag.inference.encoder_openvino import OpenVinoEncoder
from rag.inference.encoder_torch import TorchEncoder
from rag.inference.export import ENCODER_EXPORTER, exported_folder
from rag.model_folder import find_model, fingerprint

# Question and the passage that answers it, sharing as few words as possible: only a model
# that knows the language pairs them up. One wrong of eight is allowed.
PROBE_PAIRS: dict[Language, tuple[tuple[str, str], ...]] = {
    "en": (
        ("How can I get my money back?", "Refunds are paid within ten days of the return."),
        ("When may I enter the building?", "The doors open at eight in the morning."),
        ("Who treats sick animals?", "The veterinarian sees dogs and cats every weekday."),
        ("What should I do if there is a fire?", "Leave by the nearest exit and call for help."),
        ("How do I sign in without my secret word?", "Reset a forgotten password on this page."),
        ("Where can I eat?", "The cafeteria serves lunch on the second floor."),
        ("Is it going to rain?", "The forecast promises storms for the weekend."),
        ("How much do I earn?", "Monthly salaries are listed by grade in the table."),
    ),
    "ja": (
        ("お金を返してもらうには?", "返品された商品の代金は十日以内に払い戻します。"),
        ("建物には何時から入れる?", "玄関は朝八時に開錠されます。"),
        ("病気の犬や猫を診てくれる人は?", "獣医師が平日に動物の治療を行います。"),
        ("火が出たらどう逃げる?", "火災の際は最寄りの非常口から避難してください。"),
        ("ログインできなくなった", "パスワードを忘れた方はこちらで再設定できます。"),
        ("ご飯はどこで食べられる?", "二階の食堂で昼食を提供しています。"),
        ("傘は必要?", "週末は雨の予報です。"),
        ("毎月いくらもらえる?", "等級ごとの給与は表のとおりです。"),
    ),
}


class Encoder(Protocol):
    """What runs a model: text in, unit vectors out."""

    @property
    def name(self) -> str:
        """What runs the model, and where."""
        ...

    @property
    def dimension(self) -> int:
        """Length of every vector."""
        ...

    @property
    def max_length(self) -> int:
        """Most tokens that are read of one text, special tokens included."""
        ...

    @property
    def special_tokens(self) -> int:
        """Tokens that are put around every text."""
        ...

    def count_tokens(self, text: str) -> int:
        """Return the tokens of ``text`` without special tokens."""
        ...

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one unit vector a text. Shape: ``(len(texts), dimension)``."""
        ...


class ModelEmbedder:
    """A sentence-transformers model behind the `Embedder` protocol. Thread-safe."""

    def __init__(self, folder: Path, config: Config) -> None:
        self.name = config.embed_model
        self._folder = folder
        self._config = config
        self._lock = RLock()

    @property
    def _encoder(self) -> Encoder:
        with self._lock:
            return self._loaded_encoder

    @cached_property
    def _loaded_encoder(self) -> Encoder:
        if not uses_gpu(self._config.device):
            folder = exported_folder(ENCODER_EXPORTER, self._folder, self._config.models_dir)
            if folder is not None:
                return OpenVinoEncoder(folder, self._config.threads)
        return TorchEncoder(self._folder, self._config.device)

    @property
    def engine(self) -> str:
        """What runs the model, and where; loads it."""
        return self._encoder.name

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the model folder and of both prefixes."""
        prefixes = f"{self._config.query_prefix}\x00{self._config.passage_prefix}".encode().hex()
        return f"{fingerprint(self._folder)}-{prefixes}"

    @cached_property
    def dimension(self) -> int:
        """Length of every vector."""
        return self._encoder.dimension

    @cached_property
    def max_tokens(self) -> int:
        """Tokens of a passage that are read, without special tokens and prefix."""
        prefix = self.count_tokens(self._config.passage_prefix)
        return self._encoder.max_length - self._encoder.special_tokens - prefix

    @cached_property
    def languages(self) -> tuple[Language, ...]:
        """Languages whose probe questions find their own passage (see `PROBE_PAIRS`)."""
        return tuple(language for language in PROBE_PAIRS if self._knows(language))

    def _knows(self, language: Language) -> bool:
        pairs = PROBE_PAIRS[language]
        queries = np.stack([self.embed_query(question) for question, _ in pairs])
        passages = self.embed_passages([passage for _, passage in pairs])
        nearest = (queries @ passages.T).argmax(axis=1)
        return int((nearest == np.arange(len(pairs))).sum()) >= len(pairs) - 1

    def count_tokens(self, text: str) -> int:
        """Return the tokens of ``text`` without special tokens."""
        with self._lock:
            return self._encoder.count_tokens(text)

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Return one unit vector. Shape: ``(dimension,)``."""
        vector: NDArray[np.float32] = self._encode([self._config.query_prefix + text])[0]
        return vector

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one unit vector a text. Shape: ``(len(texts), dimension)``."""
        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        return self._encode([self._config.passage_prefix + text for text in texts])

    def _encode(self, texts: list[str]) -> NDArray[np.float32]:
        with self._lock:
            return self._encoder.encode(texts)


def load_embedder(config: Config) -> ModelEmbedder:
    """Return the configured embedder; its weights are read at first use.

    Raises:
        ModelError: the model is not on this machine or its folder could run code.
    """
    return ModelEmbedder(find_model(config.embed_model, config.models_dir), config)
