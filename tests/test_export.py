"""Exported conversations: complete, in both languages, and inert wherever they are opened."""

import json
from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser

import pytest

from rag.answer_json import answer_from_json
from rag.datatypes import Answer, Hit, SearchFilter
from rag.history_store import Conversation
from rag.store import INTERRUPTED, StoredAnswer
from rag.ui.export import ExportKind, exported, file_name
from rag.ui.strings import Words
from tests.fakes import ATTACK, HANDBOOK, chunk_of_line, make_answer, make_attack

CONVERSATION = Conversation("c", "How many days?", "2026-11-21T09:30:00.000+00:00")
FOUND = make_answer(
    "How many days?",
    "You have 20 days. [1]",
    quote="20 days of paid leave a year",
    hits=(Hit(1, chunk_of_line(HANDBOOK, "20 days"), 0.5),),
)


def stored(answer: Answer | None, **fields: object) -> StoredAnswer:
    values = {
        "id": 1,
        "conversation_id": "c",
        "question": answer.question if answer else "How many days?",
        "state": "done",
        "text": answer.text if answer else "",
        "answer": answer,
        "error": "",
        "created": "2026-11-21T09:30:00.000+00:00",
        "finished": "2026-11-21T09:30:02.000+00:00",
        "search_filter": SearchFilter(),
    }
    return StoredAnswer(**{**values, **fields})  # type: ignore[arg-type] # the types are as above


def export(kind: ExportKind, *answers: StoredAnswer, language: str = "en", title: str = "") -> str:
    conversation = replace(CONVERSATION, title=title or CONVERSATION.title)
    words = Words("ja" if language == "ja" else "en")
    return exported(words, kind, conversation, answers, lambda moment: moment[:10])


def test_markdown_holds_question_answer_and_source() -> None:
    assert export("markdown", stored(FOUND)) == (
        "# How many days?\n\n"
        "Exported from Fumikura. The latest question was asked on 2026-11-21.\n\n"
        "## How many days?\n\n"
        "Asked on 2026-11-21\n\n"
        "You have 20 days. \\[1\\]\n\n"
        "*echo (test)*\n\n"
        "### Sources\n\n"
        "\\[1\\] rules/handbook.pdf · p. 1 · Staff handbook\n\n"
        "> 20 days of paid leave a year\n"
    )


def test_a_web_page_holds_question_answer_and_source_in_japanese() -> None:
    page = export("html", stored(FOUND), language="ja")

    for part in (
        '<html lang="ja">',
        "<h2>How many days?</h2>",
        '<sup class="fk-chip" title="rules/handbook.pdf · 1ページ">1</sup>',
        "<h3>出典</h3>",
        "<cite>[1] rules/handbook.pdf · 1ページ · Staff handbook</cite>",
        "<blockquote>20 days of paid leave a year</blockquote>",
    ):
        assert part in page


class TagCollector(HTMLParser):
    """Notes the tags of a page with their attributes, and its style sheet."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.style = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] == "style" and not self.style:
            self.style = data


def tags_of(page: str) -> TagCollector:
    collector = TagCollector()
    collector.feed(page)
    return collector


def test_a_web_page_of_an_attacker_holds_none_of_his_tags() -> None:
    page = export("html", stored(make_attack(f"attack {ATTACK}")), title=f"</title>{ATTACK}")
    names = {name for name, _ in tags_of(page).tags}

    assert names <= {
        "html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "h3", "p", "small",
        "section", "div", "sup", "strong", "ul", "li", "br", "cite", "blockquote",
    }  # fmt: skip
    # Negative control: unescaped, the same words are tags that load and run.
    assert {"img", "style", "script", "iframe"} <= {name for name, _ in tags_of(ATTACK).tags}
    attributes = {name for _, attrs in tags_of(page).tags for name in attrs}
    assert attributes <= {"lang", "charset", "http-equiv", "content", "name", "class", "title"}


def test_a_web_page_allows_itself_its_style_sheet_and_nothing_else() -> None:
    page = tags_of(export("html", stored(FOUND)))
    (policy,) = [
        attrs["content"] for name, attrs in page.tags if attrs.get("http-equiv") is not None
    ]
    digest = b64encode(sha256(page.style.encode()).digest()).decode()

    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )


def test_markdown_of_an_attacker_loads_and_links_nothing() -> None:
    text = export("markdown", stored(make_attack(f"attack {ATTACK}")))

    assert "![" not in text
    assert "](" not in text.replace("\\](", "")
    assert "<" not in text.replace("\\<", "")
    assert "\n[r]:" not in text
    # Negative control: what was escaped stands there otherwise.
    assert "\\!\\[x\\](https://evil.example/1.png)" in text
    assert "![" in ATTACK


def test_no_line_of_an_answer_makes_a_heading_of_the_one_before() -> None:
    answer = replace(FOUND, text="Twenty\n===\n- a list\n# no heading", citations=())

    assert "Twenty\n\\===\n- a list\n\\# no heading\n" in export("markdown", stored(answer))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (stored(make_answer("none", "")), "Not found in your documents"),
        (stored(None, state="stopped", text="Half"), "Half\n\n*Stopped. This is the text"),
        (stored(None, state="failed", error=INTERRUPTED), "The program ended before"),
        (stored(None, state="running", text="Ha"), "was being answered when the file was made"),
        (
            stored(FOUND, search_filter=SearchFilter("work", types=("pdf",))),
            "Limited to types: pdf",
        ),
    ],
)
def test_what_became_of_a_question_is_told(answer: StoredAnswer, expected: str) -> None:
    assert expected in export("markdown", answer)


def test_a_file_for_people_holds_the_newest_version_and_json_lines_all() -> None:
    versions = (
        stored(FOUND, text="Old.", id=1),
        stored(FOUND, text="New.", id=2, version_of=1),
        stored(make_answer("none", ""), id=3),
    )

    for text in (export("markdown", *versions), export("html", *versions)):
        assert ("New." in text, "Old." in text) == (True, False)
    lines = [json.loads(line) for line in export("jsonl", *versions).splitlines()]
    assert [(line["id"], line["version_of"]) for line in lines] == [(1, None), (2, 1), (3, None)]


def test_a_json_line_holds_all_of_the_answer() -> None:
    asked = stored(FOUND, search_filter=SearchFilter("仕事"))

    line = json.loads(export("jsonl", asked))

    assert answer_from_json(json.dumps(line["answer"])) == FOUND
    assert (line["question"], line["state"], line["limits"]) == (
        "How many days?",
        "done",
        {"collection": "仕事"},
    )


def test_an_exchange_is_one_line_for_every_reader_of_lines() -> None:
    answer = make_answer("q", "a\nb\u2028c\x85d")

    text = export("jsonl", stored(answer), stored(None))

    assert len(text.splitlines()) == 2
    assert json.loads(text.splitlines()[0])["text"] == "a\nb\u2028c\x85d"


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("有給休暇は何日ですか？", "fumikura-2026-11-21-有給休暇は何日ですか.md"),
        ("../../etc/passwd\x00.exe", "fumikura-2026-11-21-etc-passwd-exe.md"),
        ("CON: ＡＢＣ \u202egnp.", "fumikura-2026-11-21-CON-ABC-gnp.md"),
        ("a" * 200, f"fumikura-2026-11-21-{'a' * 60}.md"),
        ("???", "fumikura-2026-11-21.md"),
    ],
)
def test_file_names_are_safe(title: str, name: str) -> None:
    assert file_name(replace(CONVERSATION, title=title), "markdown") == name
