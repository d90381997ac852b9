"""JSON, code and notebooks: every record is found by its words, and quotes stand in the file."""

import json
from pathlib import Path

import pytest

from rag.readers import Extract
from rag.readers.code import read_code, read_notebook
from rag.readers.structured import read_json

FIXTURES = Path(__file__).parents[2] / "shared" / "fixtures"
needs_fixtures = pytest.mark.skipif(not FIXTURES.is_dir(), reason="shared/fixtures is absent")


def blocks(extract: Extract) -> list[tuple[str, str, tuple[str, ...]]]:
    ends = 0
    for block in extract.blocks:
        assert ends <= block.start < block.end <= len(extract.text)
        ends = block.end
    return [(b.kind, extract.text[b.start : b.end], b.heading_path) for b in extract.blocks]


def read_text(folder: Path, text: str) -> Extract:
    (folder / "a.json").write_text(text, encoding="utf-8")
    return read_json(folder / "a.json")


def test_readable_json_is_its_own_text_with_a_block_a_record(tmp_path: Path) -> None:
    source = '[\n  {"氏名": "田中", "部署": {"名": "総務"}},\n  {"氏名": "鈴木",\n   "年": 3}\n]\n'
    extract = read_text(tmp_path, source)

    assert extract.text == source
    assert extract.remark == ""
    assert blocks(extract) == [
        ("code", '{"氏名": "田中", "部署": {"名": "総務"}}', ()),
        ("code", '{"氏名": "鈴木",\n   "年": 3}', ()),
    ]


def test_large_objects_are_cut_below_their_keys(tmp_path: Path) -> None:
    long = "あ" * 1000
    source = (
        f'{{"会社": {{"社員": [{{"名": "田中"}}, {{"名": "鈴木"}}],\n"沿革": "{long}"}},\n"年": 7}}'
    )
    extract = read_text(tmp_path, source)

    assert extract.text == source
    assert blocks(extract) == [
        ("heading", '"会社"', ()),
        ("heading", '"社員"', ("会社",)),
        ("code", '{"名": "田中"}', ("会社", "社員")),
        ("code", '{"名": "鈴木"}', ("会社", "社員")),
        ("code", f'"沿革": "{long}"', ("会社",)),
        ("code", '"年": 7', ()),
    ]


def test_escaped_japanese_is_written_out_and_found(tmp_path: Path) -> None:
    value = {
        "title": "規程",
        "rules": [
            {"名": "休暇", "日": [10, 20], "注": {"期限": "三日前\n厳守", "可": True}},
            {"名": "出張", "日": [], "注": None},
        ],
        "memo": "x" * 1000,
    }
    extract = read_text(tmp_path, json.dumps(value))

    assert blocks(extract) == [
        ("paragraph", "title: 規程", ()),
        ("heading", "rules", ()),
        ("paragraph", "名: 休暇\n日: 10, 20\n注.期限: 三日前\n厳守\n注.可: true", ("rules",)),
        ("paragraph", "名: 出張\n注: null", ("rules",)),
        ("paragraph", "memo: " + "x" * 1000, ()),
    ]


def test_json_lines_have_a_block_a_line(tmp_path: Path) -> None:
    plain = read_text(tmp_path, '{"q": "休暇は？"}\n\n{"q": "出張は？"}\n')
    assert blocks(plain) == [("code", '{"q": "休暇は？"}', ()), ("code", '{"q": "出張は？"}', ())]
    escaped = read_text(tmp_path, '{"q": "\\u4f11\\u6687"}\n{"q": "\\ud83d\\ude00"}\n')
    assert blocks(escaped) == [("paragraph", "q: 休暇", ()), ("paragraph", "q: 😀", ())]


def test_lone_surrogates_and_nuls_of_escapes_do_not_get_through(tmp_path: Path) -> None:
    assert read_text(tmp_path, '{"a": "x\\u0000y\\ud800z"}').text == "a: xyz"


@pytest.mark.parametrize(
    "source",
    ['{"名": "田中", ', '{"a": 1]', '{"a" "b": 1}', "[1, }", "[01x]", '{"a": tru}', '["a]'],
)
def test_broken_json_is_plain_text_with_a_remark(tmp_path: Path, source: str) -> None:
    extract = read_text(tmp_path, source)
    assert extract.text == source
    assert blocks(extract) == [("paragraph", source, ())]
    assert "plain text" in extract.remark


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_deep_nesting_ends(tmp_path: Path, opening: str) -> None:
    closing = "]" if opening == "[" else "}"
    depth = 100_000
    extract = read_text(tmp_path, opening * depth + '"深い"' + closing * depth)
    assert "深い" in extract.text
    assert max(len(block.heading_path) for block in extract.blocks) <= 8


@needs_fixtures
def test_real_json_is_read() -> None:
    naughty = read_json(FIXTURES / "naughty-strings.json")
    assert "田中さんにあげて下さい" in naughty.text
    manifest = read_json(FIXTURES / "documents" / "manifest.json")
    assert len(manifest.blocks) == 34
    assert "Shift_JIS RTF" in manifest.text


def test_code_is_cut_at_blank_lines(tmp_path: Path) -> None:
    source = '"""説明"""\n\ndef f():\n    return 1\n \nx: 1\n'
    (tmp_path / "a.py").write_bytes(source.encode("cp932"))
    extract = read_code(tmp_path / "a.py")
    assert extract.text == source
    assert blocks(extract) == [
        ("code", '"""説明"""', ()),
        ("code", "def f():\n    return 1", ()),
        ("code", "x: 1", ()),
    ]


def test_a_notebook_is_its_markdown_and_code_without_output(tmp_path: Path) -> None:
    notebook = {
        "metadata": {"language_info": {"name": "python"}},
        "cells": [
            {"cell_type": "markdown", "source": ["# 分析\n", "本文です。"]},
            {"cell_type": "code", "source": "x = '```'\n# no heading", "outputs": ["no"]},
            {"cell_type": "code", "source": []},
        ],
    }
    (tmp_path / "a.ipynb").write_text(json.dumps(notebook))
    extract = read_notebook(tmp_path / "a.ipynb")
    assert extract.title == "分析"
    assert blocks(extract) == [
        ("heading", "# 分析", ()),
        ("paragraph", "本文です。", ("分析",)),
        ("code", "```python\nx = '```'\n# no heading\n```", ("分析",)),
    ]


def test_a_broken_notebook_is_plain_text_with_a_remark(tmp_path: Path) -> None:
    for source in ('{"cells": [', "[]", '{"cells": [1]}'):
        (tmp_path / "a.ipynb").write_text(source)
        extract = read_notebook(tmp_path / "a.ipynb")
        assert extract.text == source
        assert "plain text" in extract.remark
