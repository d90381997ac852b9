"""The house keeps its shape: layers, one owner for each heavy library, light import."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Each module may import from layers below its own; modules of one layer do not know each other.
LAYERS = (
    {"rag.datatypes"},
    {"rag.errors"},
    {"rag.passwords", "rag.private_file", "rag.web_address"},
    {"rag.setting_values"},
    {"rag.config", "rag.environment", "rag.protocols"},
    {"rag.answer_type", "rag.language", "rag.table_rows"},
    {"rag.evidence_score"},
    {
        "rag.active_model", "rag.answer_json", "rag.answer_table", "rag.database", "rag.evidence",
        "rag.fair_queue", "rag.feedback", "rag.process_identity", "rag.program_question",
        "rag.question_reading", "rag.sources", "rag.tries", "rag.users",
    },
    {
        "rag.audit", "rag.comparison_store", "rag.feedback_store", "rag.follow_up_english",
        "rag.follow_up_japanese", "rag.history_store", "rag.job_store", "rag.model_folder",
        "rag.prompt", "rag.quality_store", "rag.readers", "rag.scan", "rag.session_store",
        "rag.suggest_english", "rag.suggest_japanese", "rag.sync_command",
    },
    {"rag.abstention", "rag.inference", "rag.reading_test", "rag.remote", "rag.span_agreement"},
    {"rag.answer_search", "rag.greedy"},
    {
        "rag.access", "rag.chunk", "rag.cite", "rag.corpus", "rag.embed", "rag.embedding_cache",
        "rag.follow_up", "rag.generate", "rag.generations", "rag.ingest", "rag.lexical_index",
        "rag.neighbours", "rag.originals", "rag.page_pictures", "rag.store", "rag.triage",
        "rag.sync", "rag.vector_index", "rag.doctor",
    },
    {
        "rag.backends", "rag.comparison", "rag.embed_process", "rag.filters", "rag.gather",
        "rag.rerank", "rag.retrieve", "rag.span_reader", "rag.suggest", "rag.survey",
    },
    {"rag.answer", "rag.answer_models", "rag.build", "rag.inspection", "rag.serving_index"},
    {"rag.engine"},
    {"rag.evaluation", "rag.job_process", "rag.trial_start", "rag.worker"},
    {"rag.jobs", "rag.training_comparison", "rag.training_runs", "rag.training_settings"},
    {"rag.api", "rag.mcp_server", "rag.permissions"},
    {"rag.ui"},
    {"rag.cli"},
    {"rag.__main__", "app"},
)  # fmt: skip
DOCTOR_READS = {"rag.generations", "rag.ingest"}  # it looks at every part and belongs to none

OWNERS = {
    "sentence_transformers": {
        "rag.inference",
        "training.retriever.embedder",
        "training.retriever.reranker",
    },
    "peft": {
        "training.retriever.lora",
        "training.tuning.classify",
        "training.tuning.sft_model",
    },
    "trl": {"training.tuning.preference"},
    "openvino": {"rag.inference"},
    "numba": {"rag.inference"},
    "llvmlite": {"rag.inference"},
    "faiss": {"rag.vector_index"},
    "scipy": {"rag.lexical_index"},
    "httpx2": {"rag.remote"},
    "mcp": {"rag.mcp_server"},
    "pymilvus": {"rag.backends"},
    "milvus_lite": {"rag.backends"},
    "grpc": {"rag.backends"},
    "snowballstemmer": {"rag.language"},
    "gptqmodel": {"rag.inference", "training.checkpoints.quantize"},
    "bitsandbytes": {"rag.inference"},
    "transformers": {
        "rag.inference",
        "training.checkpoints.quantize",
        "training.checkpoints.base_model",
        "training.tuning.callbacks",
        "training.tuning.pretrain",
        "training.tuning.classify",
        "training.rows.encoding",
        "training.span_reader.network",
        "training.tuning.sft",
        "training.tuning.sft_trainer",
        "training.tuning.tree_attention",
    },
    "langchain_text_splitters": {"rag.chunk"},
    "pypdfium2": {"rag.readers"},
    "lxml": {"rag.readers"},
    "olefile": {"rag.readers"},
    "rapidocr": {"rag.readers"},
    "onnxruntime": {"rag.readers"},
    "PIL": {"rag.readers"},
    "xlrd": {"rag.readers"},
    "bs4": {"rag.readers"},
    "charset_normalizer": {"rag.readers"},
    "streamlit": {"rag.ui", "app"},
    "altair": {"rag.ui"},
    "sqlite3": {
        "rag.comparison_store",
        "rag.corpus",
        "rag.database",
        "rag.embedding_cache",
        "rag.feedback_store",
        "rag.history_store",
        "rag.job_store",
        "rag.quality_store",
        "rag.store",
    },
}
HEAVY = {
    "torch", "numpy", "transformers", "faiss", "streamlit", "sentence_transformers", "scipy",
    "pymilvus", "httpx2", "mcp", "altair", "numba",
}  # fmt: skip
NEVER = {"pickle", "dill", "joblib", "shelve", "marshal"}


def modules() -> dict[str, Path]:
    files = [*ROOT.glob("rag/**/*.py"), *ROOT.glob("training/**/*.py"), ROOT / "app.py"]
    return {
        ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): file
        for file in files
    }


def imports(file: Path) -> set[str]:
    """Every module that ``file`` imports, lazily or not, `TYPE_CHECKING` blocks left out."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def home(module: str) -> str:
    """Readers, backends and pages are families: one name stands for all of each."""
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] == "rag" else module


def layer_of(module: str) -> int | None:
    return next((i for i, layer in enumerate(LAYERS) if home(module) in layer), None)


def test_every_module_of_rag_has_a_layer() -> None:
    homeless = [m for m in modules() if m.startswith("rag.") and layer_of(m) is None]

    assert homeless == []


@pytest.mark.parametrize("module", sorted(modules()))
def test_imports_go_one_way(module: str) -> None:
    own_layer = layer_of(module)
    wrong = {
        name
        for name in imports(modules()[module])
        if (layer := layer_of(name)) is not None
        and own_layer is not None
        and home(name) != home(module)
        and layer >= own_layer
        and not (module == "rag.doctor" and name.startswith(tuple(DOCTOR_READS)))
    }

    assert wrong == set()


def test_a_lazy_import_is_seen_and_one_for_types_alone_is_not(tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text(
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    import faiss\n"
        "def f():\n    from rag import engine\n"
    )

    assert "rag.engine" in imports(file)
    assert "faiss" not in imports(file)


def test_rag_never_imports_training() -> None:
    assert [
        m for m, f in modules().items() if m.startswith("rag") and "training" in imports(f)
    ] == []


@pytest.mark.parametrize("library", sorted(OWNERS))
def test_each_heavy_library_has_its_owners(library: str) -> None:
    importers = {
        home(module)
        for module, file in modules().items()
        if any(name == library or name.startswith(f"{library}.") for name in imports(file))
    }

    assert importers <= OWNERS[library]


def test_nothing_unpickles() -> None:
    guilty = {m for m, f in modules().items() if {n.split(".")[0] for n in imports(f)} & NEVER}

    assert guilty == set()


def test_importing_rag_costs_nothing() -> None:
    script = (
        "import sys, rag, rag.cli, rag.config, rag.datatypes, training.cli;"
        f"print(sorted(set(sys.modules) & {HEAVY!r}))"
    )

    result = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert result.stdout.strip() == "[]"
