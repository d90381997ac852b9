"""Let two models answer the same prompt, for a person who does not know which is which.

The models are loaded one after the other, so that one more than the serving model is in memory
at a time. It takes a while, so a thread does it and a page asks how far it is.
"""

import json
import logging
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from rag.active_model import serving_model
from rag.comparison_store import ComparisonStore
from rag.config import EXTRACTIVE, REMOTE, Config
from rag.datatypes import Prompt
from rag.errors import ModelError, RagError
from rag.generate import load_generator
from rag.protocols import Generator

logger = logging.getLogger(__name__)

INTERNAL_ERROR = "internal"  # error of a comparison that failed through a bug; the UI words it


@dataclass(frozen=True, slots=True)
class ComparisonState:
    """What the thread is doing, or how it ended."""

    is_running: bool
    question: str
    answered: int = 0  # models that have answered; 2 when all did
    comparison_id: int | None = None  # of the stored result
    error: str = ""  # a sentence, or `INTERNAL_ERROR`


class Comparer:
    """Makes comparisons, one at a time, in a thread of its own."""

    def __init__(
        self,
        config: Config,
        store: ComparisonStore,
        load: Callable[[Config], Generator] = load_generator,
    ) -> None:
        self._config = config
        self._store = store
        self._load = load
        self._lock = threading.Lock()
        self._state: ComparisonState | None = None

    @property
    def state(self) -> ComparisonState | None:
        """What is being compared, or was compared last; None before the first time."""
        return self._state

    def start(self, prompt: Prompt, models: tuple[str, str]) -> None:
        """Let both models answer ``prompt``; the result is stored, its sides drawn by lot.

        Raises:
            RagError: another comparison is running, or a model is compared with itself.
        """
        if models[0] == models[1]:
            raise RagError("A model cannot be compared with itself. Choose two different ones.")
        with self._lock:
            if self._state is not None and self._state.is_running:
                raise RagError("Two models are being compared already. Wait until that ends.")
            self._state = ComparisonState(is_running=True, question=prompt.question)
        threading.Thread(
            target=self._run, args=(prompt, models), name="comparison", daemon=True
        ).start()

    def _run(self, prompt: Prompt, models: tuple[str, str]) -> None:
        done = ComparisonState(is_running=False, question=prompt.question)
        try:
            sides = [models[0], models[1]]
            if secrets.randbelow(2):
                sides.reverse()
            texts = []
            for number, model in enumerate(sides, start=1):
                texts.append(self._answer(prompt, model))
                self._state = replace(done, is_running=True, answered=number)
            self._state = replace(
                done, answered=2, comparison_id=self._store.add(prompt, sides, texts)
            )
        except RagError as error:
            self._state = replace(done, error=str(error))
        except Exception:  # a thread has no caller to tell
            logger.exception("The comparison failed")
            self._state = replace(done, error=INTERNAL_ERROR)

    def _answer(self, prompt: Prompt, model: str) -> str:
        generator = self._load(replace(self._config, answer_model=model))
        room = generator.context_tokens - self._config.max_new_tokens
        if generator.count_prompt_tokens(prompt) > room:
            raise ModelError(
                f"The stored prompt is too long for {model}, which reads at most "
                f"{generator.context_tokens:,} tokens. Choose another answer or another model."
            )
        pieces = generator.stream(prompt, self._config.max_new_tokens, threading.Event())
        return "".join(pieces).strip()


def comparable_models(config: Config) -> tuple[str, ...]:
    """Return the answer models on this machine by name, the serving one first.

    Raises:
        ModelError: the pointer to the serving model is damaged.
    """
    serving = serving_model(config)
    folders = sorted(path.parent for path in config.models_dir.glob("[!.]*/config.json"))
    names = [f.name for f in folders if f.name != REMOTE and _is_answer_model(f)]
    first = [serving] if serving in names or Path(serving).is_dir() else []
    return (*first, *(name for name in names if name != serving))


def is_worded(prompt: Prompt | None, model_id: str) -> bool:
    """Tell whether a model was asked, so that another can be asked the same."""
    return prompt is not None and bool(prompt.messages) and model_id != EXTRACTIVE


def _is_answer_model(folder: Path) -> bool:
    try:
        table = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        return any(str(name).endswith("ForCausalLM") for name in table["architectures"])
    except (OSError, ValueError, KeyError, TypeError):
        return False
