"""The search legs over files and over Milvus do the same, and an export proves it."""

import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from rag.backends.milvus_connection import (
    BEFORE,
    SERVING,
    collection_name,
    connect,
    serving_collection,
)
from rag.backends.milvus_export import ExportReport, export_index, overlap
from rag.backends.milvus_index import NO_TERM, open_collection, row_filter, term_id
from rag.cli import main
from rag.config import Config, load_config
from rag.corpus import CorpusWriter
from rag.datatypes import Chunk, Document, Source
from rag.engine import RagEngine
from rag.errors import BackendError, ConfigError
from rag.generations import Generation, Manifest, Recipe, publish, start_generation
from rag.lexical_index import B, Bm25LexicalIndex
from rag.protocols import LexicalIndex, RankedRows, VectorIndex
from rag.retrieve import Retriever
from rag.vector_index import FaissVectorIndex
from tests.fakes import HashingEmbedder, use_embedder

has_milvus = find_spec("pymilvus") is not None and find_spec("milvus_lite") is not None
needs_milvus = pytest.mark.skipif(not has_milvus, reason="requirements-milvus.txt is absent")
KINDS = ["files", pytest.param("milvus", marks=needs_milvus)]

TEXTS = [
    "The cat sat beside the other cat.",
    "A dog.",
    "年次有給休暇は入社から6か月後に10日与える。",
    "有給の申請は前日までに行う。",
    "...",  # no term at all
    "A dog.",  # the same text in another file
    "Ｗｉ－Ｆｉの申請は１２月１０日まで。",
    "The dog asks for paid leave, 有給.",
    "Hotel costs are refunded up to 120 EUR a night.",
]


@dataclass(frozen=True)
class Legs:
    vectors: VectorIndex
    lexical: LexicalIndex


def make_generation(index_dir: Path, texts: list[str], serving: str | None = None) -> Generation:
    """Publish an index of one file for each of ``texts``."""
    index_dir.mkdir(exist_ok=True)
    folder = start_generation(index_dir)
    corpus = CorpusWriter(folder)
    for row, text in enumerate(texts):
        path = f"{'first' if row < 4 else 'second'}/{row}.txt"
        corpus.add(Document(path, text, f"{row:064}"), [Chunk(path, 0, len(text), text, None, "")])
    corpus.finish([])
    corpus.close()
    embedder = HashingEmbedder()
    FaissVectorIndex.from_vectors(embedder.embed_passages(texts)).save(folder)
    Bm25LexicalIndex.from_texts(texts).save(folder)
    manifest = Manifest(
        folder.name,
        "2026-11-21T09:30:00+00:00",
        (Source("/documents"),),
        Recipe(2, "hashing", embedder.fingerprint, 220, 30),
        (),
        embedder.dimension,
        ("en", "ja"),
        len(texts),
        len(texts),
        {},
    )
    return publish(folder, manifest, serving)


def legs_on_files(generation: Generation) -> Legs:
    lexical = Bm25LexicalIndex.load(generation.path, generation.manifest.chunks)
    return Legs(FaissVectorIndex.load(generation.path), lexical)


def export(generation: Generation, uri: str) -> ExportReport:
    legs = legs_on_files(generation)
    return export_index(generation, legs.vectors, legs.lexical, uri, lambda progress: None)


def legs_in_milvus(generation: Generation, uri: str) -> Legs:
    lexical = Bm25LexicalIndex.load(generation.path, generation.manifest.chunks)
    return Legs(*open_collection(uri, generation.manifest, lexical))


def close(uri: str) -> None:
    """Stop the Milvus Lite of ``uri``, as the end of the process would."""
    from milvus_lite.server_manager import server_manager_instance

    connect.cache_clear()
    server_manager_instance.release_server(uri)


@pytest.fixture
def uri(tmp_path: Path) -> Iterator[str]:
    yield str(tmp_path / "milvus.db")
    with suppress(ImportError):
        close(str(tmp_path / "milvus.db"))


@pytest.fixture(scope="module")
def generation(tmp_path_factory: pytest.TempPathFactory) -> Generation:
    return make_generation(tmp_path_factory.mktemp("index"), TEXTS)


@pytest.fixture(scope="module")
def exported(
    generation: Generation, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, ExportReport]]:
    address = str(tmp_path_factory.mktemp("engine") / "milvus.db")
    yield address, export(generation, address)
    close(address)


@pytest.fixture(params=KINDS)
def legs(request: pytest.FixtureRequest, generation: Generation) -> Legs:
    if request.param == "files":
        return legs_on_files(generation)
    return legs_in_milvus(generation, request.getfixturevalue("exported")[0])


def query(text: str) -> NDArray[np.float32]:
    return HashingEmbedder().embed_query(text)


# The same cases over files and over Milvus


def test_vectors_are_found_by_their_cosine_best_first(legs: Legs) -> None:
    stored = HashingEmbedder().embed_passages(TEXTS)
    cosines = stored @ query("paid leave of a dog")

    found = legs.vectors.search(query("paid leave of a dog"), 4)

    scores = [score for _, score in found]
    assert scores == sorted(scores, reverse=True)
    np.testing.assert_allclose(scores, np.sort(cosines)[::-1][:4], atol=1e-4)
    np.testing.assert_allclose(scores, [cosines[row] for row, _ in found], atol=1e-4)


def test_words_are_found_with_the_bm25_score_worked_out_by_hand(legs: Legs) -> None:
    from rag.language import terms
    from rag.lexical_index import K1

    lengths = [len(terms(text)) for text in TEXTS]
    idf = np.log(1 + (9 - 1 + 0.5) / (1 + 0.5))  # one of nine passages holds "cat", twice
    expected = idf * 2 / (2 + K1 * (1 - B + B * lengths[0] / np.mean(lengths)))

    [(row, score)] = legs.lexical.search("cat", 5)

    assert row == 0
    assert score == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    "text", ["有給", "申請", "Wi-Fi", "１２月", "dog 有給 leave", "休暇はいつ与える", "dog dog cat"]
)
@pytest.mark.parametrize("rows", [None, [0, 1, 2, 3], [3, 5, 7], [6]])
@needs_milvus
def test_both_kinds_give_the_same_rows_and_scores(
    generation: Generation, exported: tuple[str, ExportReport], text: str, rows: list[int] | None
) -> None:
    here, there = legs_on_files(generation), legs_in_milvus(generation, exported[0])

    assert_same(there.lexical.search(text, 9, rows), here.lexical.search(text, 9, rows))
    in_order = sorted(
        here.vectors.search(query(text), 9, rows), key=lambda hit: (-round(hit[1], 5), hit[0])
    )
    assert_same(there.vectors.search(query(text), 9, rows), in_order)


def assert_same(found: RankedRows, expected: RankedRows) -> None:
    assert [row for row, _ in found] == [row for row, _ in expected]
    assert [score for _, score in found] == pytest.approx([s for _, s in expected], rel=1e-4)


def test_a_japanese_word_of_two_characters_is_found(legs: Legs) -> None:
    assert {row for row, _ in legs.lexical.search("有給", 9)} == {2, 3, 7}
    assert {row for row, _ in legs.lexical.search("申請", 9)} == {3, 6}


def test_full_width_letters_and_digits_meet_their_usual_forms(legs: Legs) -> None:
    assert legs.lexical.search("Wi-Fi", 1)[0][0] == 6
    assert legs.lexical.search("12月", 1)[0][0] == 6


def test_of_equal_scores_the_first_row_comes_first(legs: Legs) -> None:
    assert [row for row, _ in legs.lexical.search("dog", 9)] == [1, 5, 7]
    assert [row for row, _ in legs.lexical.search("dog", 1)] == [1]
    assert {row for row, _ in legs.vectors.search(query("A dog."), 2)} == {1, 5}  # in any order


def test_more_hits_than_passages_are_no_error(legs: Legs) -> None:
    assert sorted(row for row, _ in legs.vectors.search(query("dog"), 500)) == list(range(9))
    assert len(legs.lexical.search("dog", 500)) == 3


def test_only_the_rows_that_are_named_are_searched(legs: Legs) -> None:
    assert [row for row, _ in legs.lexical.search("dog 有給", 9, [5, 6])] == [5]
    assert {row for row, _ in legs.vectors.search(query("dog"), 9, [8, 0, 4])} == {0, 4, 8}
    assert legs.lexical.search("dog", 9, []) == []
    assert legs.vectors.search(query("dog"), 9, []) == []


@pytest.mark.parametrize("text", ["", "...", "submarine", "潜水艦"])
def test_a_question_that_shares_no_term_finds_nothing(legs: Legs, text: str) -> None:
    assert legs.lexical.search(text, 9) == []


def test_an_unknown_term_is_the_rarest(legs: Legs) -> None:
    weights = [legs.lexical.term_weight(term) for term in ("submarine", "cat", "dog")]

    assert weights == sorted(weights, reverse=True)
    assert weights[0] == pytest.approx(np.log(1 + 9.5 / 0.5))


def test_what_each_term_adds_sums_up_to_the_score(legs: Legs) -> None:
    added = legs.lexical.matches("dog 有給", [5, 6, 3])

    scores = dict(legs.lexical.search("dog 有給", 9))
    assert added.sum(axis=0).tolist() == pytest.approx([scores[5], 0, scores[3]], rel=1e-3)


def test_stored_vectors_come_back_in_the_order_of_asking(legs: Legs) -> None:
    stored = HashingEmbedder().embed_passages(TEXTS)

    np.testing.assert_allclose(legs.vectors.vectors([7, 0, 7]), stored[[7, 0, 7]], atol=1e-6)
    assert legs.vectors.vectors([]).shape == (0, 64)


def test_both_legs_count_all_passages(legs: Legs) -> None:
    assert (len(legs.vectors), len(legs.lexical)) == (9, 9)


def test_the_retriever_works_on_either_kind(legs: Legs, generation: Generation) -> None:
    from rag.corpus import Corpus

    corpus = Corpus(generation.path)
    retriever = Retriever(corpus, legs.lexical, legs.vectors, HashingEmbedder(), ("en", "ja"))

    assert retriever.retrieve("有給の申請", "ja", 3)[0].chunk.text == TEXTS[3]
    assert corpus.documents_of([3, 0]) == [range(3, 4), range(1)]  # each text is a file here
    second = [row for row, c in enumerate(corpus.chunks(range(9))) if c.path.startswith("second/")]
    only = replace(retriever, rows=second)
    assert all(hit.chunk.path.startswith("second/") for hit in only.retrieve("申請", "ja", 5))


# What is particular to Milvus


@needs_milvus
def test_an_export_is_found_again_after_it_was_closed(generation: Generation, uri: str) -> None:
    export(generation, uri)
    before = legs_in_milvus(generation, uri).lexical.search("有給 dog", 9)
    close(uri)

    after = legs_in_milvus(generation, uri)

    assert after.lexical.search("有給 dog", 9) == before
    assert serving_collection(uri) == collection_name(generation.manifest.build_id)


@needs_milvus
def test_an_export_holds_numbers_and_no_text(exported: tuple[str, ExportReport]) -> None:
    uri, report = exported
    milvus = connect(uri)

    fields = milvus.call("describe_collection", report.collection)["fields"]
    everything = b"".join(f.read_bytes() for f in Path(uri).rglob("*") if f.is_file())

    assert {field["name"] for field in fields} == {"row", "vector", "terms"}
    for secret in ("cat", "Hotel", "有給", "first/0.txt"):
        assert secret.encode() not in everything
    assert report.collection.encode() in everything  # the control: such a search does find names


@needs_milvus
def test_nobody_else_can_read_the_folder_of_an_export(exported: tuple[str, ExportReport]) -> None:
    assert Path(exported[0]).stat().st_mode & 0o077 == 0


@needs_milvus
def test_an_export_reports_what_its_copy_finds(exported: tuple[str, ExportReport]) -> None:
    report = exported[1]

    assert (report.passages, report.sent, report.before) == (9, 9, "")
    assert (report.vector_recall, report.lexical_recall) == (1.0, 1.0)


@needs_milvus
def test_a_second_export_goes_on_where_the_first_was_interrupted(
    generation: Generation, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.backends.milvus_export.BATCH", 2)

    def fall_over(progress: object) -> None:
        if getattr(progress, "stage", "") == "export" and getattr(progress, "done", 0) == 6:
            raise KeyboardInterrupt

    here = legs_on_files(generation)
    with pytest.raises(KeyboardInterrupt):
        export_index(generation, here.vectors, here.lexical, uri, fall_over)
    assert serving_collection(uri) == ""

    report = export(generation, uri)

    assert report.sent == 5  # six passages were there; the last batch of them is sent again
    assert (report.vector_recall, report.lexical_recall) == (1.0, 1.0)


class _Mixed:
    """Sends others than the vectors that it searches."""

    def __init__(self, index: VectorIndex, sent: NDArray[np.float32]) -> None:
        self._index = index
        self._sent = sent

    def __len__(self) -> int:
        return len(self._index)

    def search(
        self, query: NDArray[np.float32], k: int, rows: Sequence[int] | None = None
    ) -> RankedRows:
        return self._index.search(query, k, rows)

    def save(self, folder: Path) -> None:
        self._index.save(folder)

    def vectors(self, rows: list[int]) -> NDArray[np.float32]:
        return self._sent[rows]


class _Reversed:
    """A damaged copy: it finds the worst instead of the best."""

    def __init__(self, index: VectorIndex) -> None:
        self._index = index

    def search(
        self, query: NDArray[np.float32], k: int, rows: Sequence[int] | None = None
    ) -> RankedRows:
        return self._index.search(-query, k, rows)


def test_the_recall_of_a_copy_is_told(tmp_path: Path) -> None:
    rows = np.eye(40, dtype=np.float32)
    index = FaissVectorIndex.from_vectors(rows)
    question = (np.arange(40, 0, -1) / np.linalg.norm(np.arange(41))).astype(np.float32)

    assert overlap(index, index, question) == 1.0
    assert overlap(index, _Reversed(index), question) == 0.0


@needs_milvus
def test_a_copy_that_finds_too_little_is_not_put_into_service(
    generation: Generation, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = make_generation(generation.path.parent, [*TEXTS, "new"], generation.manifest.build_id)
    export(generation, uri)
    here = legs_on_files(newer)
    others = HashingEmbedder().embed_passages([*TEXTS[::-1], "new"])
    monkeypatch.setattr("rag.backends.milvus_export.RECALL_DEPTH", 3)

    with pytest.raises(BackendError, match="not put into service"):
        export_index(newer, _Mixed(here.vectors, others), here.lexical, uri, lambda progress: None)

    assert serving_collection(uri) == collection_name(generation.manifest.build_id)
    assert not connect(uri).call("has_collection", collection_name(newer.manifest.build_id))


@needs_milvus
def test_the_export_before_is_kept_and_the_one_before_that_removed(
    tmp_path: Path, uri: str
) -> None:
    generations: list[Generation] = []
    for count in (3, 4, 5):
        serving = generations[-1].manifest.build_id if generations else None
        generations.append(make_generation(tmp_path / "index", TEXTS[:count], serving))
        export(generations[-1], uri)
    names = [collection_name(g.manifest.build_id) for g in generations]

    milvus = connect(uri)

    assert sorted(milvus.call("list_collections")) == names[1:]
    assert (milvus.alias_target(BEFORE), milvus.alias_target(SERVING)) == (names[1], names[2])


@needs_milvus
def test_a_collection_that_lacks_passages_is_refused(generation: Generation, uri: str) -> None:
    report = export(generation, uri)
    connect(uri).call("delete", report.collection, ids=[3])

    with pytest.raises(BackendError, match="holds 8 of"):
        legs_in_milvus(generation, uri)


@needs_milvus
def test_the_engine_searches_in_milvus_what_was_exported_and_files_otherwise(
    tmp_path: Path, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_embedder(monkeypatch, lambda config: HashingEmbedder())
    first = make_generation(tmp_path / "index", TEXTS)
    engine = RagEngine(replace(Config(), index_dir=tmp_path / "index", milvus_uri=uri))

    def kind() -> str:
        assert engine.search("有給の申請", 3)[0].chunk.text == TEXTS[3]
        return type(engine.retriever().vectors).__name__

    assert kind() == "FaissVectorIndex"
    engine.export(uri, lambda progress: None)
    assert kind() == "MilvusVectorIndex"  # at the next question, without a restart
    make_generation(tmp_path / "index", TEXTS[:5], first.manifest.build_id)
    assert kind() == "FaissVectorIndex"


@needs_milvus
def test_the_command_exports_and_tells_the_recall(
    tmp_path: Path, uri: str, capsys: pytest.CaptureFixture[str]
) -> None:
    make_generation(tmp_path / "index", TEXTS)

    assert main(["export", "--index", str(tmp_path / "index"), "--to", uri, "--json"]) == 0

    assert '"vector_recall": 1.0' in capsys.readouterr().out


@needs_milvus
def test_a_server_that_does_not_answer_is_told_in_words_without_its_password() -> None:
    with pytest.raises(BackendError, match=r"at http://127\.0\.0\.1:1/team did not") as caught:
        connect("http://me:secret@127.0.0.1:1/team")

    assert "secret" not in str(caught.value)


@needs_milvus
def test_a_proxy_of_the_environment_is_not_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pymilvus import MilvusClient
    from pymilvus.exceptions import MilvusException

    ours, theirs = str(tmp_path / "ours.db"), str(tmp_path / "theirs.db")
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        proxy.settimeout(5)
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.getsockname()[1]}")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("no_grpc_proxy", raising=False)

        assert serving_collection(ours) == ""

        with pytest.raises(MilvusException):  # the control: pymilvus by itself asks the proxy
            MilvusClient(theirs, timeout=0.5)
        reached, _ = proxy.accept()
        request = reached.recv(100)
        reached.close()
    ports = [uri_port(path) for path in (ours, theirs)]
    for path in (ours, theirs):
        close(path)
    assert f"CONNECT 127.0.0.1:{ports[1]}".encode() in request  # the first that it ever heard


def uri_port(path: str) -> int:
    from milvus_lite.server_manager import server_manager_instance

    return int(server_manager_instance.start_and_get_uri(path).rpartition(":")[2])


@pytest.mark.parametrize("value", ["milvus", "ftp://host/x.db", "host:19530", "https://"])
def test_an_address_that_is_none_is_refused(value: str) -> None:
    with pytest.raises(ConfigError, match="milvus_uri"):
        load_config(None, {}, {"RAG_MILVUS_URI": value})
    with pytest.raises(SystemExit):
        main(["export", "--to", value])


@pytest.mark.parametrize("value", ["https://me:secret@host:19530/team", "data/milvus.db"])
def test_an_address_or_a_folder_is_taken(value: str) -> None:
    assert load_config(None, {}, {"RAG_MILVUS_URI": value}).milvus_uri == value


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymilvus", None)

    with pytest.raises(BackendError, match=r"pip install -r requirements-milvus\.txt"):
        connect(str(tmp_path / "none.db"))


def test_without_the_setting_no_engine_is_asked() -> None:
    assert Config().milvus_uri == ""
    assert serving_collection("") == ""


def test_rows_in_sequence_become_one_condition() -> None:
    assert row_filter([4, 5, 6, 7]) == "(4 <= row and row <= 7)"
    assert row_filter([9, 1, 4, 5, 6]) == "(4 <= row and row <= 6) or row in [1, 9]"


def test_the_number_of_a_term_depends_on_the_key_and_is_never_the_one_of_no_term() -> None:
    numbers = {term_id(term, key) for term in ("有給", "dog") for key in (b"a" * 32, b"b" * 32)}

    assert len(numbers) == 4
    assert all(0 <= number < NO_TERM for number in numbers)
