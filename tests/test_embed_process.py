"""The embedder in a child process: the same numbers, and deaths told in words."""

import os
import signal
from contextlib import closing
from pathlib import Path

import numpy as np
import psutil
import pytest

from rag.config import Config
from rag.embed_process import EmbedderProcess
from rag.errors import BuildError, ModelError
from tests.tiny_embedder import save_tiny_embedder


@pytest.fixture
def config(tmp_path: Path) -> Config:
    save_tiny_embedder(tmp_path / "tiny")
    return Config(models_dir=tmp_path, embed_model="tiny")


def test_the_child_gives_what_the_model_gives_until_it_dies(config: Config) -> None:
    from rag.embed import load_embedder

    model = load_embedder(config)
    texts = ["paid leave", "有給休暇は10日\n次の行", "x" * 3000]
    with closing(EmbedderProcess(config)) as embedder:
        assert embedder.fingerprint == model.fingerprint
        assert not psutil.Process().children()  # nothing has needed the model so far
        assert (embedder.dimension, embedder.max_tokens) == (model.dimension, model.max_tokens)
        assert embedder.languages == model.languages
        assert [embedder.count_tokens(t) for t in texts] == [model.count_tokens(t) for t in texts]
        vectors = embedder.embed_passages(texts)
        assert vectors.dtype == np.dtype(np.float32)
        assert vectors.shape == (3, model.dimension)
        np.testing.assert_allclose(vectors, model.embed_passages(texts), atol=1e-6)
        query = embedder.embed_query("leave")
        np.testing.assert_allclose(query, model.embed_query("leave"), atol=1e-6)
        assert embedder.embed_passages([]).shape == (0, model.dimension)

        (child,) = psutil.Process().children()
        os.kill(child.pid, signal.SIGKILL)
        with pytest.raises(BuildError, match="what was embedded so far is kept"):
            embedder.embed_passages(texts)
    assert not psutil.Process().children()


def test_a_model_that_cannot_be_loaded_says_so_in_the_parent(tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text("{}")
    (tmp_path / "broken" / "model.safetensors").write_bytes(bytes(16))

    with (
        closing(EmbedderProcess(Config(models_dir=tmp_path, embed_model="broken"))) as embedder,
        pytest.raises(ModelError, match="could not be loaded"),
    ):
        embedder.count_tokens("paid leave")
