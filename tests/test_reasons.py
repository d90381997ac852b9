"""Reasons and errors in Japanese: none without words, the right values, on the pages."""

import time
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

from rag.datatypes import FileStatus
from rag.readers.refused import REFUSED_SUFFIXES
from rag.ui import services
from rag.ui.access_errors_ja import ACCESS_ERRORS
from rag.ui.errors_ja import ERRORS
from rag.ui.japanese import JA
from rag.ui.phrases_ja import PHRASES
from rag.ui.reasons import SENTENCES, _japanese, reason_words
from rag.ui.reasons_ja import REASONS
from rag.ui.refusals_ja import REFUSALS
from rag.ui.strings import Words
from rag.ui.training_errors_ja import TRAINING_ERRORS
from tests.fakes import EchoEngine
from tests.message_collector import Found, arguments_of, messages_of, training_messages
from tests.ui_harness import fake_engine, open_app, open_documents, shown

# What is printed by a command before or without the pages.
NEVER_ON_A_PAGE = {
    "--collection, --include and --exclude are settings of a folder. Name the folder too.",
    "Port {} is not free ({}). Is Fumikura running already at http://localhost:{}? "
    "Otherwise add `--port {}`.",
    # of `python -m rag user`
    "The two passwords differ. Nothing was changed.",
    "The password is longer than {} characters.",
    "The password is too easy to guess. Take a few words instead.",
    "The password is too short. Take at least {} characters, such as a few words that do not "
    "belong together.",
    "There is no user {}. `python -m rag user list` names those there are.",
    "{} is no name of a user. Take up to 64 letters, digits and . @ + - _ without spaces.",
    "The file of users {} cannot be written ({}). Set RAG_STATE_DIR to a folder that you may "
    "write to.",
    # of a sign-in that goes past its form
    "There are no passwords here: auth is not set to password.",
    "There is no provider here: auth is not set to oidc.",
}
# Messages that were raised elsewhere and are handed on.
HANDED_ON = {
    "REFUSED_SUFFIXES[kind]", "REFUSED_SUFFIXES[suffix]", "answer['error']", "entry.reason",
    "extract.remark", "refused_suffixes.get(Path(path).suffix.lower())", "row['message']",
    "str(answer['reason'])", "str(answer['remark'])", "str(error)",
}  # fmt: skip


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[EchoEngine]:
    yield fake_engine(tmp_path, monkeypatch)
    services.load_services.clear()


@pytest.fixture(scope="module")
def messages() -> list[Found]:
    return [*messages_of(), *training_messages()]


def japanese(text: str) -> str:
    return reason_words(Words("ja"), text)


def skeleton(template: str) -> str:
    parts = Formatter().parse(template)
    return "".join(literal + ("" if name is None else "{}") for literal, name, _, _ in parts)


# No message without words


def test_every_message_that_a_page_can_show_has_japanese_words(messages: list[Found]) -> None:
    known = {skeleton(template) for template in SENTENCES} | NEVER_ON_A_PAGE
    missing = [found for found in messages if found.is_followed and found.text not in known]
    assert missing == []
    assert set(REFUSED_SUFFIXES.values()) <= known


def test_every_expression_that_becomes_a_message_was_followed(messages: list[Found]) -> None:
    assert [f for f in messages if not f.is_followed and f.text not in HANDED_ON] == []


def test_no_words_are_kept_for_a_message_that_is_gone(messages: list[Found]) -> None:
    raised = {found.text for found in messages} | set(REFUSED_SUFFIXES.values())
    assert {skeleton(template) for template in SENTENCES} - raised == set()
    assert NEVER_ON_A_PAGE - raised == set()
    assert HANDED_ON - raised == set()
    tables = (REASONS, REFUSALS, ERRORS, ACCESS_ERRORS, TRAINING_ERRORS)
    assert len(SENTENCES) == sum(map(len, tables))


@pytest.mark.parametrize(
    ("placeholder", "positions", "module"),
    [
        ("kind", {"open_office": 1, "open_package": 1, "_open": 1}, "rag/readers/"),
        ("problem", {"_damaged": 1}, "rag/generations.py"),
        ("problems", {"append": 0}, "rag/config.py"),
        ("expected", {"ValueError": 0}, "rag/setting_values.py"),
        ("error", {"DatabaseError": 0}, "rag/database.py"),
        ("fault", {"NoCompletionError": 0}, "rag/remote/"),
        ("step", {"reported": 1}, "rag/remote/"),
    ],
)
def test_parts_of_messages_have_japanese_words(
    placeholder: str, positions: dict[str, int], module: str
) -> None:
    parts = [found for found in arguments_of(positions) if found.module.startswith(module)]
    assert {found.text for found in parts if found.is_followed} == {
        skeleton(phrase) for phrase in PHRASES[placeholder]
    }


def test_the_collector_follows_names_conditions_and_functions(tmp_path: Path) -> None:
    (tmp_path / "reader.py").write_text(
        "_BAD = 'This is bad.'\n"
        "def _why(x):\n"
        "    if x:\n"
        "        return f'There are {x} holes.'\n"
        "    return _BAD\n"
        "def read(x, extract, remark):\n"
        "    why = 'It is A.' if x else 'It is B.' + f' And {x}.'\n"
        "    raise DocumentError('failed', _why(x))\n"
        "    extract(remark=why)\n"
        "    extract(remark=remark)\n"
        "    FileStatus('a', 'failed', f'{why} It is C.')\n"
        "    raise BuildError(extract[x])\n"
    )
    found = messages_of(tmp_path)
    assert {f.text for f in found if f.is_followed} == {
        "This is bad.", "There are {} holes.", "It is A.", "It is B. And {}.", "It is C.",
    }  # fmt: skip
    assert [f.text for f in found if not f.is_followed] == ["extract[x]"]


def test_templates_and_their_translations_have_the_same_placeholders() -> None:
    def names(template: str) -> list[str]:
        return [name for _, name, _, _ in Formatter().parse(template) if name is not None]

    tables = [SENTENCES, *PHRASES.values()]
    pairs = [pair for table in tables for pair in table.items()]
    assert [english for english, words in pairs if set(names(english)) != set(names(words))] == []
    assert [english for english, _ in pairs if len(set(names(english))) < len(names(english))] == []


# The right values


PASSWORD = "This file is protected with a password; save a copy without the password."
PASSWORD_JA = "パスワードで保護されています。パスワードを外したコピーを保存してください。"
OLD_TEXT = "Answers still use the text that this file had before."
OLD_TEXT_JA = "回答には、このファイルの以前の本文を引き続き使います。"


@pytest.mark.parametrize(
    ("english", "expected"),
    [
        (PASSWORD, PASSWORD_JA),
        (
            "This file is damaged or not an Excel workbook; "
            "open it in its own program and save it again.",
            "ファイルが壊れているか、Excelブックではありません。"
            "元のアプリで開いて保存し直してください。",
        ),
        (
            "2 of 30 pages are scanned images; to have their text recognized, run "
            "`pip install -r requirements-ocr.txt` and build again.",
            "30ページ中2ページがスキャン画像です。文字を認識させるには、"
            "`pip install -r requirements-ocr.txt` を実行し、索引を更新してください。",
        ),
        (
            "This image has more than 50 million pixels; save it smaller.",
            "画像が5000万画素を超えています。縮小して保存してください。",
        ),
        (
            r"Left out by the pattern '*.{tmp,bak} (old). $1\\2' of its folder.",
            r"フォルダーの除外パターン '*.{tmp,bak} (old). $1\\2' に当てはまります。",
        ),
        (
            "The question has 5,001 characters; at most 4,000 are read. Shorten it, or put the "
            "long text into a document and ask about that.",
            "質問が5,001文字あり、上限の4,000文字を超えています。短くするか、"
            "長い文章を文書に入れてそれについて質問してください。",
        ),
        (
            "The folder /srv/a file, not a. b/文書 does not exist. Name a folder with documents.",
            "フォルダー /srv/a file, not a. b/文書 がありません。"
            "文書のあるフォルダーを指定してください。",
        ),
        (
            "The sync ended unexpectedly with code -9. Its log is /state/7.err.",
            "索引の更新が異常終了しました（終了コード -9）。記録は /state/7.err にあります。",
        ),
        (
            "tea is worse than base, which answers now: f1 (ja) 0.512 against 0.700, difference "
            "-0.188 [-0.250, -0.100], n = 100; false_abstention - against 0.100, difference "
            "+0.300 [+0.200, +0.400], n = 40. It was not activated (/t. x.json).",
            "tea は、今回答している base より次の点で劣るため、切り替えませんでした（/t. x.json）："
            "F1（日本語） 0.512（現在 0.700）、差 -0.188 [-0.250, -0.100]、n = 100；"
            "誤って諦めた割合 -（現在 0.100）、差 +0.300 [+0.200, +0.400]、n = 40",
        ),
        (
            "The sync ended unexpectedly. Its log is /state/7.err.",
            "索引の更新が異常終了しました。記録は /state/7.err にあります。",
        ),
        (
            "The index file /my index/SEAL is missing or cannot be read. "
            "Rebuild it: `python -m rag build /docs /more docs`.",
            "索引のファイル /my index/SEAL がないか、読み取れません。"
            "`python -m rag build /docs /more docs` で作り直してください。",
        ),
        (
            "The index was built with embedder 'e5' (1234abcd), but the settings name 'bge' "
            "(5678abcd). Rebuild it: `python -m rag build /d`, or set RAG_EMBED_MODEL=e5.",
            "索引は検索モデル 'e5'（1234abcd）で作られていますが、"
            "設定では 'bge'（5678abcd）になっています。"
            "`python -m rag build /d` で作り直していただくか、"
            "RAG_EMBED_MODEL=e5 を設定してください。",
        ),
        (
            "Settings to mend: top_k = 'a; b' in the environment (RAG_TOP_K): expected a whole "
            "number from 1 to 1000; device = 3 in fumikura.toml: expected text in quotes; "
            "chunk_overlap_tokens (9) must be smaller than chunk_tokens (8).",
            "直す必要のある設定があります（環境変数 RAG_TOP_K の top_k = 'a; b'："
            "1から1000までの整数にしてください；"
            "fumikura.toml の device = 3：引用符で囲んだ文字列にしてください；"
            "chunk_overlap_tokens（9）は chunk_tokens（8）より小さくしてください）。",
        ),
        (
            "The history in /s/h.db cannot be opened (it has version 9, this program knows 3). "
            "Move that file aside, or set RAG_STATE_DIR to a writable folder, and start again.",
            "会話の履歴 /s/h.db を開けません（バージョンが9で、"
            "このプログラムは3までに対応しています）。そのファイルを別の場所に移すか、"
            "RAG_STATE_DIR に書き込めるフォルダーを設定して、起動し直してください。",
        ),
    ],
)
def test_values_keep_their_place(english: str, expected: str) -> None:
    assert japanese(english) == expected


@pytest.mark.parametrize(
    ("english", "expected"),
    [
        (f"{PASSWORD} {OLD_TEXT}", PASSWORD_JA + OLD_TEXT_JA),
        (
            "Files inside, each listed by itself: 12. Left out of this archive: "
            "damaged: a. b; c.txt and 2 more; links to other files: 1.",
            "中に12個のファイルがあり、それぞれ一覧に表示しています。"
            "アーカイブから次のものを除外しました（壊れているもの：a. b; c.txt ほか2個；"
            "ほかのファイルへのリンク：1個）。",
        ),
        (
            f"Files inside, each listed by itself: 1. Left out of this archive: damaged: "
            f"1. Report.docx. {OLD_TEXT}",
            "中に1個のファイルがあり、それぞれ一覧に表示しています。アーカイブから次のものを"
            f"除外しました（壊れているもの：1. Report.docx）。{OLD_TEXT_JA}",
        ),
        (
            "This file holds nothing else: 3 formulas have no stored value; "
            "open and save the file in a spreadsheet program.",
            "ほかに内容はありません。数式3個には計算結果が保存されていません。"
            "表計算アプリで開いて保存し直してください。",
        ),
        (f"A plugin failed. {OLD_TEXT}", f"A plugin failed. {OLD_TEXT_JA}"),
        (f"{PASSWORD} Ask Bob: he knows.", f"{PASSWORD_JA} Ask Bob: he knows."),
        (
            "None of the 2 files in /a, /b could be indexed (x: y.txt: This file is empty or "
            "holds no text, so it is left out.; z.zip: Files inside, each listed by itself: 0.). "
            "Add readable documents; the previous index is untouched.",
            "/a, /b の2個のファイルは、どれも登録できませんでした"
            "（x: y.txt：空のファイルか、文字を含まないファイルのため、登録していません；"
            "z.zip：中に0個のファイルがあり、それぞれ一覧に表示しています）。"
            "読み込める文書を追加してください。これまでの索引は元のままです。",
        ),
    ],
)
def test_sentences_beside_each_other_are_all_translated(english: str, expected: str) -> None:
    assert japanese(english) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Something new went wrong: a.txt. Try again.",
        "Files inside, each listed by itself: {count}.",  # no number
        f"Ask: {PASSWORD[:-1]}",  # not the whole sentence
        "This file is damaged or not a wax tablet; open it in its own program and save it again.",
        PASSWORD + " x" * 1000,  # longer than any message of this program
    ],
)
def test_what_is_unknown_stays_as_it_is(text: str) -> None:
    assert japanese(text) == text


def test_english_pages_keep_the_english() -> None:
    assert reason_words(Words("en"), PASSWORD) == PASSWORD


def test_ten_thousand_different_reasons_are_remembered() -> None:
    reasons = [
        f"{n} of 20000 pages are scanned images; to have their text recognized, run "
        f"`pip install -r requirements-ocr.txt` and build again. {OLD_TEXT}"
        for n in range(10_000)
    ]
    shown_reasons = [japanese(reason) for reason in reasons]
    assert len(set(shown_reasons)) == 10_000
    misses = _japanese.cache_info().misses
    assert [japanese(reason) for reason in reasons] == shown_reasons
    assert _japanese.cache_info().misses == misses


@pytest.mark.parametrize(
    "hostile", ["1 of " * 400, "a. " * 660, "Left out of this archive: " + "damaged: 1 and " * 130]
)
def test_a_reason_made_to_be_slow_is_not(hostile: str) -> None:
    started = time.process_time()
    japanese(hostile)
    assert time.process_time() - started < 20  # it hangs, or it takes 0.003 s


# On the pages


FILES = (
    FileStatus("<b>x</b>.pdf", "encrypted", PASSWORD, sha256="1"),
    FileStatus(
        "a.zip", "archive", "Files inside, each listed by itself: 1. Left out of this archive: "
        "damaged: <img src=x onerror=alert(1)>.txt.", sha256="2",
    ),
    FileStatus("b.txt", "failed", "A new kind of failure.", sha256="3"),
)  # fmt: skip


def test_the_table_and_its_filter_speak_japanese(engine: EchoEngine) -> None:
    engine.files = FILES
    app = open_documents(engine, "ja-JP")
    assert list(app.dataframe[0].value[JA["column_reason"]]) == [
        PASSWORD_JA,
        "中に1個のファイルがあり、それぞれ一覧に表示しています。"
        "アーカイブから次のものを除外しました"
        "（壊れているもの：<img src=x onerror=alert(1)>.txt）。",
        "A new kind of failure.",
    ]
    field = next(field for field in app.text_input if field.key == "file-filter")
    assert list(field.set_value("ﾊﾟｽﾜｰﾄﾞ").run().dataframe[0].value[JA["column_path"]]) == [
        "<b>x</b>.pdf"
    ]


@pytest.mark.parametrize("locale", ["en-US", "ja-JP"])
def test_markup_in_a_reason_is_shown_and_not_run(engine: EchoEngine, locale: str) -> None:
    engine.files = FILES
    app = open_documents(engine, locale)
    key = app.dataframe[0].key
    assert key is not None
    app.session_state[key] = {"selection": {"rows": [1], "columns": [], "cells": []}}
    page = shown(app.run())
    assert "&lt;img src=x onerror=alert(1)&gt;.txt" in page
    assert "<img src=x" not in page


def test_damage_and_errors_are_told_in_japanese(
    engine: EchoEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.damage = "The index file /i/SEAL is missing. Rebuild it: `python -m rag build /d`."
    expected = (
        "索引のファイル /i/SEAL がありません。`python -m rag build /d` で作り直してください。"
    )
    for app in (open_app("ja-JP"), open_documents(engine, "ja-JP")):
        assert expected in shown(app)
    assert engine.damage in shown(open_app())
    monkeypatch.setenv("RAG_TOP_K", "many")
    services.load_services.clear()
    page = shown(open_app("ja-JP"))
    assert "環境変数 RAG_TOP_K の top_k = 'many'：1から1000までの整数にしてください" in page


def test_the_message_of_a_sync_is_told_in_japanese(engine: EchoEngine) -> None:
    app = open_documents(engine, "ja-JP")
    job = services.load_services().store.jobs.add("sync", "x", [])
    message = "Another build is writing to /i at this moment. Wait for it to end."
    services.load_services().store.jobs.finish(job, "failed", message=message)
    assert "別の更新が /i に書き込んでいます。終わるまでお待ちください。" in shown(app.run())
    assert message in shown(open_documents(engine))
