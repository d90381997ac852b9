"""A small index whose embedder needs no model, for servers in child processes.

As a script it is the command line, with that embedder.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import pytest

from rag import engine, serving_index
from rag.config import Config
from tests.fakes import HashingEmbedder, use_embedder

HANDBOOK = (
    "# Staff handbook\n\n## Leave\n\nEvery employee has 20 days of paid leave a year.\n\n"
    "## Travel\n\nHotel costs are refunded up to 120 EUR a night. Keep the receipts.\n"
)
RULES = "第12条 年次有給休暇は、入社から6か月後に10日与える。\n\n第13条 制服は総務課で受け取る。\n"


def build_hashing_index(folder: Path) -> dict[str, str]:
    """Index two documents below ``folder``; return the settings that serve them by quotes."""
    documents = folder / "documents"
    documents.mkdir()
    (documents / "handbook.md").write_text(HANDBOOK, encoding="utf-8")
    (documents / "就業規則.txt").write_text(RULES, encoding="utf-8")
    config = Config(
        index_dir=folder / "index",
        models_dir=folder / "models",
        state_dir=folder / "state",
        embed_model="hashing",
        answer_model="extractive",
    )
    with pytest.MonkeyPatch.context() as patch:
        use_embedder(patch, lambda config: HashingEmbedder(name=config.embed_model))
        engine.RagEngine(config).build([documents], lambda step: None)
    return {
        "RAG_INDEX_DIR": str(config.index_dir),
        "RAG_MODELS_DIR": str(config.models_dir),
        "RAG_STATE_DIR": str(config.state_dir),
        "RAG_EMBED_MODEL": config.embed_model,
        "RAG_ANSWER_MODEL": config.answer_model,
    }


if __name__ == "__main__":
    from rag.cli import main

    for module, name in ((serving_index, "load_embedder"), (engine, "EmbedderProcess")):
        vars(module)[name] = lambda config: HashingEmbedder(name=config.embed_model)
    raise SystemExit(main(sys.argv[1:]))
