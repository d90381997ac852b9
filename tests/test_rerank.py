"""The reranker: the numbers of its model by either engine, within its length, or the reason."""

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from rag.config import Config
from rag.errors import ModelError
from rag.inference.export import FACTS, GRAPH, RERANKER_EXPORTER, exported_folder
from rag.inference.pair_length import PairCutter
from rag.inference.reranker_openvino import OpenVinoReranker
from rag.inference.reranker_torch import TorchReranker
from rag.rerank import CrossEncoderReranker, load_reranker
from tests.tiny_embedder import save_tiny_embedder
from tests.tiny_reranker import save_tiny_reranker

QUESTIONS = ["paid leave?", "有給は?", "x" * 200]
PASSAGES = ["", "a", "有給休日 １２３", "the doors open", "y" * 300, *["ab" * n for n in range(30)]]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A random cross-encoder and its graph."""
    folder = tmp_path_factory.mktemp("tiny")
    save_tiny_reranker(folder / "tiny")
    graph = exported_folder(RERANKER_EXPORTER, folder / "tiny", folder)
    assert graph is not None
    return folder / "tiny", graph


def config_for(model: Path) -> Config:
    return Config(rerank_model=str(model), models_dir=model.parent, device="cpu", threads=1)


def test_a_graph_gives_the_logits_of_its_model(tiny: tuple[Path, Path]) -> None:
    model, graph = tiny
    stock, exported = TorchReranker(model, "cpu"), OpenVinoReranker(graph, 1, precision="f32")

    for question in QUESTIONS:
        expected = stock.logits(question, PASSAGES)
        np.testing.assert_allclose(exported.logits(question, PASSAGES), expected, atol=1e-3)
        assert expected.std() > 0.1  # else everything would agree
        alone = [float(exported.logits(question, [passage])[0]) for passage in PASSAGES]
        np.testing.assert_allclose(alone, expected, atol=1e-3)  # whatever the batch
    assert exported.logits("q", []).shape == (0,)


def test_scores_are_the_sigmoid_of_what_the_bare_network_gives(tiny: tuple[Path, Path]) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model = AutoModelForSequenceClassification.from_pretrained(tiny[0])
    tokenizer = AutoTokenizer.from_pretrained(tiny[0])
    passages = ["the doors open", "有給休日"]
    with torch.inference_mode():
        given = tokenizer(["open?"] * 2, passages, padding=True, return_tensors="pt")
        expected = torch.sigmoid(model.eval()(**given).logits[:, 0]).numpy()

    scores = CrossEncoderReranker(tiny[0], config_for(tiny[0])).scores("open?", passages)

    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, expected, atol=0.02)  # 16 bits where the CPU has them
    assert load_reranker(Config()) is None


def test_a_question_is_kept_whole_and_a_passage_loses_its_end(tiny: tuple[Path, Path]) -> None:
    from tokenizers import Tokenizer

    cutter = PairCutter(Tokenizer.from_file(str(tiny[0] / "tokenizer.json")).to_str(), 64)

    assert cutter.room == 61  # three special tokens
    assert cutter.cut("q" * 20, ["a" * 41, "有" * 42]) == [
        ("q" * 20, "a" * 41),
        ("q" * 20, "有" * 41),
    ]
    assert cutter.cut("q" * 31, ["b" * 99]) == [("q" * 30, "b" * 31)]  # leaves half of the room
    assert cutter.cut("", ["c"]) == [("", "c")]


@pytest.mark.parametrize("engine", [0, 1])
def test_what_lies_beyond_the_length_of_the_model_does_not_count_and_the_rest_does(
    tiny: tuple[Path, Path], engine: int
) -> None:
    reranker = (TorchReranker(tiny[0], "cpu"), OpenVinoReranker(tiny[1], 1, "f32"))[engine]
    logits = reranker.logits("q" * 11, ["a" * 50, "a" * 50 + "zz", "a" * 49 + "z"])

    assert logits[0] == pytest.approx(logits[1], abs=1e-4)
    assert logits[0] != pytest.approx(logits[2], abs=1e-4)


def test_threads_share_one_reranker(tiny: tuple[Path, Path]) -> None:
    reranker = CrossEncoderReranker(tiny[0], config_for(tiny[0]))
    texts = [["ab" * n, "the doors open", "有" * n] for n in range(12)]

    with ThreadPoolExecutor(6) as threads:
        together = list(threads.map(lambda t: reranker.scores("open?", t), texts))

    for passages, scores in zip(texts, together, strict=True):
        np.testing.assert_allclose(scores, reranker.scores("open?", passages), atol=1e-5)


def test_a_random_model_knows_no_language(tiny: tuple[Path, Path]) -> None:
    assert CrossEncoderReranker(tiny[0], config_for(tiny[0])).languages == ()


def test_without_a_graph_pytorch_runs_the_model(
    tiny: tuple[Path, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = Path(shutil.copytree(tiny[0], tmp_path / "tiny"))
    with_graph = CrossEncoderReranker(model, config_for(model))
    assert with_graph.engine.startswith("OpenVINO")
    next((tmp_path / ".openvino").glob(f"*/{FACTS}")).write_text('{"unsupported": "no reason"}')

    without = CrossEncoderReranker(model, config_for(model))

    assert without.engine == "PyTorch on cpu"
    assert "no reason" in caplog.text
    np.testing.assert_allclose(
        without.scores("open?", PASSAGES), with_graph.scores("open?", PASSAGES), atol=0.02
    )


def test_an_embedder_is_refused_as_a_reranker(tmp_path: Path) -> None:
    save_tiny_embedder(tmp_path / "tiny")

    for name in ("tiny", "tiny-bare"):
        with pytest.raises(ModelError, match=r"no reranker.*RAG_RERANK_MODEL"):
            load_reranker(Config(rerank_model=name, models_dir=tmp_path))


def test_a_classifier_with_several_classes_is_refused(tmp_path: Path) -> None:
    save_tiny_reranker(tmp_path / "three", labels=3)
    reranker = CrossEncoderReranker(tmp_path / "three", config_for(tmp_path / "three"))

    with pytest.raises(ModelError, match="3 classes"):
        reranker.scores("q", ["a"])


def test_a_damaged_graph_is_an_error_that_says_what_to_delete(
    tiny: tuple[Path, Path], tmp_path: Path
) -> None:
    graph = Path(shutil.copytree(tiny[1], tmp_path / "graph"))
    (graph / GRAPH).write_text("<net/>")

    with pytest.raises(ModelError, match=r"damaged.*Delete that folder"):
        OpenVinoReranker(graph, threads=1)


def test_the_graph_is_made_once_and_says_what_it_takes(tiny: tuple[Path, Path]) -> None:
    model, graph = tiny
    facts = json.loads((graph / FACTS).read_text())

    assert exported_folder(RERANKER_EXPORTER, model, model.parent) == graph
    assert facts["max_length"] == 64
    assert facts["inputs"] == ["input_ids", "attention_mask", "token_type_ids"]
