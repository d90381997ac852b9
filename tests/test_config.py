from pathlib import Path

import pytest

from rag.config import Config, config_environment, load_config
from rag.errors import ConfigError


def test_the_command_line_beats_the_environment_which_beats_the_file(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('top_k = 3\nmax_passages = 2\nembed_model = "from-file"\n')
    environ = {"RAG_TOP_K": "4", "RAG_MAX_PASSAGES": "5", "PATH": "/bin"}

    config = load_config(file, {"top_k": 9, "device": None}, environ)

    assert (config.top_k, config.max_passages, config.embed_model) == (9, 5, "from-file")
    assert config.device == Config().device


def test_all_mistakes_are_reported_together_with_their_origin(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('top_k = "many"\ncolour = "red"\nanswer_precision = "3bit"\n')

    with pytest.raises(ConfigError) as caught:
        load_config(file, {}, {"RAG_CHUNK_TOKENS": "1", "RAG_TOPK": "3"})

    message = str(caught.value)
    for part in ("top_k", "colour", "answer_precision", "RAG_CHUNK_TOKENS", "RAG_TOPK"):
        assert part in message


@pytest.mark.parametrize(
    "text", ["top_k = 1.5", "top_k = true", "index_dir = 3", "embed_model = ' '", "= broken"]
)
def test_a_value_of_the_wrong_kind_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(text)

    with pytest.raises(ConfigError):
        load_config(file, {}, {})


def test_a_settings_file_that_was_named_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is not a file"):
        load_config(tmp_path / "none.toml", {}, {})


def test_the_overlap_must_be_smaller_than_the_passage() -> None:
    with pytest.raises(ConfigError, match="chunk_overlap_tokens"):
        load_config(None, {}, {"RAG_CHUNK_TOKENS": "40", "RAG_CHUNK_OVERLAP_TOKENS": "40"})


def test_languages_come_as_a_list_from_the_environment() -> None:
    config = load_config(None, {}, {"RAG_EMBED_LANGUAGES": "en,ja"})

    assert config.embed_languages == ("en", "ja")


def test_no_reranker_is_a_choice_and_comes_back_through_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('rerank_model = ""\n')

    config = load_config(file, {}, {})

    assert config.rerank_model == ""
    assert load_config(None, {}, config_environment(config)).rerank_model == ""
    with pytest.raises(ConfigError, match="rerank_pool"):
        load_config(None, {}, {"RAG_RERANK_POOL": "0"})
