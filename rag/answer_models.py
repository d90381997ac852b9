"""The models that answer: loaded at first use, exchanged when another one is activated.

An exchange costs no question: one that is being answered keeps the model it began with, and
while the new one is read the others go on with the old one. One that cannot be loaded is told
once and not tried again at every question.
"""

import logging
from dataclasses import replace
from threading import Lock, RLock

from rag.active_model import serving_model
from rag.config import DEFAULT_ANSWER_MODEL, EXTRACTIVE, REMOTE, Config
from rag.datatypes import Language
from rag.errors import ModelError
from rag.generate import AnswerModel, ExtractiveGenerator, load_generator
from rag.model_folder import find_model, fingerprint
from rag.prompt import template_hash
from rag.protocols import Generator
from rag.reading_test import remembered_languages
from rag.remote.address import remote_model_id, server_address
from rag.remote.generator import RemoteGenerator

logger = logging.getLogger(__name__)


class AnswerModels:
    """The model of the settings and the languages that it reads. Thread-safe."""

    def __init__(self, config: Config) -> None:
        self._config = config
        # A lock of its own: pages that only show the index need not wait for the answer model.
        self._lock = RLock()
        self._exchanging = Lock()
        self._generator: AnswerModel | None = None
        self._loaded = ""  # name of the model in `_generator`
        self._refused = ""  # name of one that could not be loaded while another served
        self._languages: tuple[str, tuple[Language, ...]] = ("", ())  # of which model

    def for_language(self, language: Language) -> Generator:
        """Return the answer model if it reads ``language``, else the extractive generator.

        Raises:
            ModelError: no model was loaded before, and this one cannot be.
        """
        if language in self.languages():
            return self.load()
        return ExtractiveGenerator()

    def load(self) -> AnswerModel:
        """Return the model that serves now.

        Raises:
            ModelError: no model was loaded before, and this one cannot be.
        """
        wanted = self._wanted()
        if wanted == self._loaded:
            self._refused = ""
        if self._generator is None:
            with self._lock:
                if self._generator is None:
                    self._take(self._read(wanted), wanted)
        elif wanted not in (self._loaded, self._refused) and self._exchanging.acquire(
            blocking=False
        ):
            try:
                self._exchange(wanted)
            finally:
                self._exchanging.release()
        assert self._generator is not None
        return self._generator

    def languages(self) -> tuple[str, ...]:
        """Return the languages that the model reads, as measured once (`reading_test`).

        Raises:
            ModelError: the model cannot be loaded.
        """
        if self._config.answer_languages:
            return self._config.answer_languages
        generator = self.load()
        if isinstance(generator, ExtractiveGenerator):
            return ()
        with self._lock:
            name, known = self._languages
            if name != self._loaded:
                known = self._measured(generator, self._loaded)
                self._languages = (self._loaded, known)
            return known

    def is_missing(self) -> bool:
        """Tell whether the default model was never made; answers are then quotes."""
        folder = self._config.models_dir / DEFAULT_ANSWER_MODEL
        return self._wanted_name() == DEFAULT_ANSWER_MODEL and not folder.is_dir()

    def model_id(self) -> str:
        """Return the name of the model that answers, without loading it."""
        if self._generator is not None:
            return self._generator.model_id
        if self.answer_host():
            return remote_model_id(self._config)
        return EXTRACTIVE if self.is_missing() else self._wanted_name()

    def answer_host(self) -> str:
        """Return the host that questions and passages are sent to; "" when they stay here."""
        is_remote = self._config.answer_model == REMOTE
        return server_address(self._config).host if is_remote else ""

    def notices(self) -> list[str]:
        """Return keys of what a reader should know before asking."""
        found = ["sent_to_server"] if self.answer_host() else []
        found += ["no_answer_model"] if self.is_missing() else []
        return [*found, "model_not_exchanged"] if self._refused else found

    def _wanted(self) -> str:
        try:
            return serving_model(self._config)
        except ModelError:
            if self._generator is None:
                raise
            return self._loaded  # a damaged pointer does not stop what serves

    def _wanted_name(self) -> str:
        """Return the same for a page, which a damaged pointer must not stop; "" for none."""
        try:
            return self._wanted()
        except ModelError:
            return ""

    def _exchange(self, wanted: str) -> None:
        try:
            generator = self._read(wanted)
        except ModelError as error:
            logger.error("%s keeps answering: %s", self._loaded, error)
            self._refused = wanted
            return
        self._take(generator, wanted)

    def _read(self, name: str) -> AnswerModel:
        if self.is_missing():
            return ExtractiveGenerator()
        return load_generator(replace(self._config, answer_model=name))

    def _take(self, generator: AnswerModel, name: str) -> None:
        with self._lock:
            self._generator, self._loaded, self._refused = generator, name, ""

    def _measured(self, generator: AnswerModel, name: str) -> tuple[Language, ...]:
        words = template_hash(generator.style)
        if isinstance(generator, RemoteGenerator):
            key = f"{generator.identity}-{words}"
        else:
            folder = find_model(name, self._config.models_dir)
            key = f"{fingerprint(folder)}-{self._config.answer_precision}-{words}"
        file = self._config.state_dir / "readable-languages.json"
        return remembered_languages(lambda: generator, key, file)
