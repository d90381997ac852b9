"""The span reader: the spans of its network by either engine, in their places, or the reason."""

from pathlib import Path

import numpy as np
import pytest

from rag import span_reader
from rag.config import Config
from rag.datatypes import Span
from rag.errors import ModelError
from rag.inference.export import SPAN_EXPORTER, exported_folder
from rag.inference.pair_windows import PairTokenizer, Window, WindowLogits
from rag.inference.span_openvino import OpenVinoSpanModel
from rag.inference.span_torch import TorchSpanModel
from rag.span_reader import ModelSpanReader, load_span_reader
from tests.tiny_embedder import save_tiny_embedder
from tests.tiny_span_model import save_tiny_span_model

PASSAGES = ["", "a", "有給休日 １２３", "the doors open", "y" * 200, "ab" * 20]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A random model and its graph."""
    folder = tmp_path_factory.mktemp("tiny")
    save_tiny_span_model(folder / "tiny")
    graph = exported_folder(SPAN_EXPORTER, folder / "tiny", folder)
    assert graph is not None
    return folder / "tiny", graph


def config_for(model: Path) -> Config:
    return Config(span_model=str(model), models_dir=model.parent, device="cpu", threads=1)


def windows_of(model: Path, question: str, passages: list[str]) -> list[Window]:
    tokenizer = (model / "tokenizer.json").read_text(encoding="utf-8")
    return PairTokenizer(tokenizer, 64).windows(question, passages)


def logits(starts: list[float], ends: list[float], text: str) -> WindowLogits:
    """What a model would make of ``text``, a token a character, behind [CLS] q [SEP]."""
    places = tuple((n, n + 1) for n in range(len(text)))
    ids = (2, 5, 3, *range(len(text)), 3)
    window = Window(0, ids, (0,) * len(ids), 3, 3 + len(text), places)
    padded = ([0.0, -9.0, -9.0, *values, -9.0] for values in (starts, ends))
    one, other = (np.array(values, dtype=np.float32) for values in padded)
    return WindowLogits(window, one, other)


class Scripted:
    """A model that gives what it was told."""

    name = "scripted"

    def __init__(self, *read: WindowLogits) -> None:
        self._read = list(read)

    def read(self, question: str, passages: object) -> list[WindowLogits]:
        return self._read


def reader_of(tmp_path: Path, *read: WindowLogits) -> ModelSpanReader:
    reader = ModelSpanReader(tmp_path, Config())
    reader.__dict__["_model"] = Scripted(*read)
    return reader


def test_a_span_is_the_best_start_and_a_later_end_against_no_answer(tmp_path: Path) -> None:
    read = logits([1, 5, 0, 0], [4, 1, 3, 0], "abcd")

    spans = reader_of(tmp_path, read).spans("q", ["abcd"])[0]

    assert spans[0] == Span(1, 3, "bc", 8.0)  # 5 + 3, where "no answer" has 0
    assert Span(0, 1, "a", 5.0) in spans  # the best end lies before the best start
    assert [s.log_odds for s in spans] == sorted((s.log_odds for s in spans), reverse=True)


def test_no_answer_takes_its_logits_from_every_span(tmp_path: Path) -> None:
    read = logits([5], [3], "a")
    read.starts[0], read.ends[0] = 6.0, 4.0

    assert reader_of(tmp_path, read).spans("q", ["a"]) == [(Span(0, 1, "a", -2.0),)]


def test_a_span_of_two_windows_is_kept_once_at_its_best(tmp_path: Path) -> None:
    sure, unsure = logits([5], [3], "a"), logits([1], [1], "a")

    assert reader_of(tmp_path, unsure, sure).spans("q", ["a"]) == [(Span(0, 1, "a", 8.0),)]


def test_the_heading_above_a_passage_is_read_and_holds_no_answer(tmp_path: Path) -> None:
    read = logits([9, 0, 3, 0], [9, 0, 0, 2], "h\nab")

    found = reader_of(tmp_path, read).spans("q", ["ab"], ["h"])[0]

    assert found[0] == Span(0, 2, "ab", 5.0)
    assert {span.text for span in found} <= {"a", "b", "ab"}
    assert reader_of(tmp_path, read).spans("q", ["h\nab"])[0][0].text == "h"  # as passage it would


def test_what_a_passage_asks_itself_holds_no_answer(tmp_path: Path) -> None:
    asking, telling = "ab? c", "ab. c"

    def spans(text: str) -> set[str]:
        read = logits([5, 0, 0, 0, 1], [0, 5, 0, 0, 1], text)
        return {span.text for span in reader_of(tmp_path, read).spans("q", [text])[0]}

    assert "ab" in spans(telling)
    assert "c" in spans(asking)
    assert not spans(asking) & {"a", "ab", "b"}


def test_a_window_of_a_heading_alone_holds_no_span(tmp_path: Path) -> None:
    read = logits([9, 9], [9, 9], "ab")

    assert reader_of(tmp_path, read).spans("q", ["c"], ["abcdef"]) == [()]


def test_an_answer_longer_than_people_give_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(span_reader, "_LONGEST", 2)
    read = logits([9, 0, 0], [0, 0, 9], "abc")

    found = reader_of(tmp_path, read).spans("q", ["abc"])[0]

    assert all(span.end - span.start <= 2 for span in found)


def test_a_long_passage_is_read_in_windows_that_overlap_and_cover_it(
    tiny: tuple[Path, Path],
) -> None:
    windows = windows_of(tiny[0], "q" * 11, ["y" * 120, "ab"])

    covered = {n for w in windows if w.passage == 0 for start, _ in w.places for n in (start,)}
    assert covered == set(range(120))
    assert all(len(window.ids) <= 64 for window in windows)
    assert windows[1].places[0][0] == windows[0].places[-1][1] - 64 // 8
    assert windows[-1].passage == 1
    assert windows[-1].places == ((0, 1), (1, 2))


def test_a_question_that_leaves_no_room_loses_its_end(tiny: tuple[Path, Path]) -> None:
    windows = windows_of(tiny[0], "q" * 500, ["ab"])

    assert windows[0].places == ((0, 1), (1, 2))
    assert windows[0].first == 1 + 32 + 1  # [CLS], half of 64, [SEP]


def test_a_passage_of_white_space_alone_has_no_window(tmp_path: Path) -> None:
    assert reader_of(tmp_path).spans("q", [" \n"]) == [()]


def test_a_graph_gives_the_logits_of_its_model(tiny: tuple[Path, Path]) -> None:
    model, graph = tiny
    stock, exported = TorchSpanModel(model, "cpu"), OpenVinoSpanModel(graph, 1, precision="f32")

    for question in ("paid leave?", "有給は?", "x" * 200):
        pairs = zip(stock.read(question, PASSAGES), exported.read(question, PASSAGES), strict=True)
        for expected, given in pairs:
            assert given.window == expected.window
            np.testing.assert_allclose(given.starts, expected.starts, atol=1e-3)
            np.testing.assert_allclose(given.ends, expected.ends, atol=1e-3)
            assert expected.starts.std() > 0.1  # else everything would agree


def test_spans_are_the_words_at_their_offsets(tiny: tuple[Path, Path]) -> None:
    reader = ModelSpanReader(tiny[0], config_for(tiny[0]))

    found = reader.spans("有給は?", PASSAGES)

    assert [len(spans) > 0 for spans in found] == [False, True, True, True, True, True]
    for passage, spans in zip(PASSAGES, found, strict=True):
        assert all(passage[s.start : s.end] == s.text for s in spans)
    assert reader.engine.startswith("OpenVINO")
    assert reader.languages == ()  # a random model answers nothing


def test_the_default_reader_may_be_missing_and_another_one_may_not(tmp_path: Path) -> None:
    assert load_span_reader(Config(models_dir=tmp_path)) is None
    assert load_span_reader(Config(models_dir=tmp_path, span_model="")) is None
    save_tiny_embedder(tmp_path / "tiny")
    with pytest.raises(ModelError, match="does not find answers"):
        load_span_reader(Config(models_dir=tmp_path, span_model="tiny-bare"))
    with pytest.raises(ModelError, match="no model 'mine'"):
        load_span_reader(Config(models_dir=tmp_path, span_model="mine"))


def test_an_embedder_that_is_damaged_is_refused_in_words(tmp_path: Path) -> None:
    save_tiny_embedder(tmp_path / "tiny")
    (tmp_path / "tiny" / "model.safetensors").write_bytes(b"nothing")

    with pytest.raises(ModelError, match=r"span reader in .* could not be loaded"):
        TorchSpanModel(tmp_path / "tiny", "cpu")
