"""The embedder in a child process, for builds: its libraries take 600 MB before the first passage.

The parent stays small, and a child that dies for want of memory is an error in words instead of
the end of the build. Requests are JSON lines; vectors come back as raw little-endian float32.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from functools import cached_property
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from rag.config import Config, config_environment, load_config
from rag.datatypes import Language
from rag.embed import load_embedder
from rag.environment import limit_threads, prepare_process, search_path
from rag.errors import BuildError, ModelError, RagError


class EmbedderProcess:
    """An `Embedder` whose model lives in a child process. Close it after use; not thread-safe.

    The child starts with the first question that needs the model: a build that finds nothing to
    embed starts none.

    Raises from every method: `ModelError` when the model cannot be loaded, `BuildError` when the
    child ended.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._child: subprocess.Popen[bytes] | None = None
        self.fingerprint = load_embedder(config).fingerprint  # of files; loads no weights

    @cached_property
    def _facts(self) -> dict[str, Any]:
        return self._ask({"facts": True})

    @property
    def dimension(self) -> int:
        """Length of every vector."""
        return int(self._facts["dimension"])

    @property
    def max_tokens(self) -> int:
        """Tokens of a passage that are read."""
        return int(self._facts["max_tokens"])

    @property
    def languages(self) -> tuple[Language, ...]:
        """Languages that the model was measured to know."""
        languages: tuple[Language, ...] = tuple(self._facts["languages"])
        return languages

    def count_tokens(self, text: str) -> int:
        """Return the tokens of ``text`` without special tokens."""
        return int(self._ask({"count": text})["tokens"])

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Return one unit vector. Shape: ``(dimension,)``."""
        vector: NDArray[np.float32] = self._vectors(self._ask({"query": text}))[0]
        return vector

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one unit vector a text. Shape: ``(len(texts), dimension)``."""
        return self._vectors(self._ask({"passages": list(texts)}))

    def close(self) -> None:
        """End the child."""
        if self._child is not None:
            self._child.kill()
            self._child.communicate()  # closes the pipes and waits
            self._child = None

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        child = self._child = self._child or self._start()
        assert child.stdin is not None  # both are pipes, see _start
        assert child.stdout is not None
        try:
            child.stdin.write(json.dumps(request).encode("ascii") + b"\n")
            child.stdin.flush()
            line = child.stdout.readline()
        except BrokenPipeError:
            line = b""
        if not line.endswith(b"\n"):
            raise self._death()
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise ModelError(answer["error"])
        return answer

    def _vectors(self, answer: dict[str, Any]) -> NDArray[np.float32]:
        rows, columns = answer["shape"]
        assert self._child is not None  # it has just answered
        assert self._child.stdout is not None
        content = self._child.stdout.read(rows * columns * 4)
        if len(content) != rows * columns * 4:
            raise self._death()
        return np.frombuffer(content, dtype="<f4").reshape(rows, columns).astype(np.float32)

    def _death(self) -> BuildError:
        self.close()
        return BuildError(
            "The embedding model ended unexpectedly, perhaps for want of memory. Close other "
            "programs and repeat the command: what was embedded so far is kept, and the "
            "previous index is untouched."
        )

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "rag.embed_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={
                **os.environ,
                **config_environment(self._config),
                "PYTHONPATH": search_path(),
            },
            start_new_session=True,  # Ctrl+C is for the parent, which then ends this one
        )


def main() -> int:
    """Answer requests until stdin ends; the exit status is 0."""
    prepare_process()
    config = load_config()
    limit_threads(config.threads)
    # A library that prints must not write into the answers.
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)
        embedder = load_embedder(config)
        for line in sys.stdin:
            request = json.loads(line)
            try:
                if "facts" in request:
                    _write(
                        answers,
                        dimension=embedder.dimension,
                        max_tokens=embedder.max_tokens,
                        languages=embedder.languages,
                    )
                elif "count" in request:
                    _write(answers, tokens=embedder.count_tokens(request["count"]))
                elif "query" in request:
                    _write_vectors(answers, embedder.embed_query(request["query"])[np.newaxis])
                else:
                    _write_vectors(answers, embedder.embed_passages(request["passages"]))
            except RagError as error:
                _write(answers, error=str(error))
    return 0


def _write(answers: BinaryIO, **values: object) -> None:
    answers.write(json.dumps(values).encode("ascii") + b"\n")
    answers.flush()


def _write_vectors(answers: BinaryIO, vectors: NDArray[np.float32]) -> None:
    answers.write(json.dumps({"shape": vectors.shape}).encode("ascii") + b"\n")
    answers.write(vectors.astype("<f4").tobytes())
    answers.flush()


if __name__ == "__main__":
    sys.exit(main())
