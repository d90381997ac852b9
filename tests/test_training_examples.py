"""Reading examples: every layout in both languages, every bad file in words, no row lost."""

import csv
import gzip
import io
import json
import random
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pytest

from rag.feedback import Pair
from rag.prompt import NOT_FOUND
from training.datatypes import QAExample
from training.examples import read, text_file
from training.examples.errors import ExampleFileError
from training.examples.feedback import from_feedback
from training.examples.layouts import FIELDS, parse_mapping
from training.examples.read import read_examples, read_files
from training.examples.records import KINDS
from training.examples.sentence import WORDS
from training.examples.values import ReadExamples

SHARED = Path(__file__).parents[2] / "shared" / "data"
OPENING = "The hall opens at 9:00. It is closed on Mondays."
LOAN = "自転車は1時間３００円で貸し出します。ヘルメットは無料です。"


def write(file: Path, text: str, encoding: str = "utf-8") -> Path:
    file.write_text(text, encoding=encoding, newline="")
    return file


def write_json(file: Path, value: object) -> Path:
    return write(file, json.dumps(value, ensure_ascii=False))


def write_lines(file: Path, *rows: object) -> Path:
    return write(file, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


def write_workbook(file: Path, sheets: dict[str, Sequence[Sequence[str]]]) -> Path:
    """A workbook of inline texts, as the standard allows; no library for writing is needed."""
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    links = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    names, relations = [], []
    with zipfile.ZipFile(file, "w") as package:
        for n, (name, rows) in enumerate(sheets.items(), start=1):
            names.append(f'<sheet name="{name}" sheetId="{n}" r:id="r{n}"/>')
            relations.append(
                f'<Relationship Id="r{n}" Type="{links}/worksheet" Target="s{n}.xml"/>'
            )
            cells = "".join(
                f'<row r="{r}">'
                + "".join(f'<c t="inlineStr"><is><t>{escape(text)}</t></is></c>' for text in row)
                + "</row>"
                for r, row in enumerate(rows, start=1)
            )
            package.writestr(
                f"xl/s{n}.xml", f"<worksheet {main}><sheetData>{cells}</sheetData></worksheet>"
            )
        package.writestr(
            "xl/workbook.xml",
            f'<workbook {main} xmlns:r="{links}"><sheets>{"".join(names)}</sheets></workbook>',
        )
        package.writestr(
            "xl/_rels/workbook.xml.rels",
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            f"{''.join(relations)}</Relationships>",
        )
        package.writestr(
            "_rels/.rels",
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            f'<Relationship Id="r1" Type="{links}/officeDocument" Target="xl/workbook.xml"/>'
            "</Relationships>",
        )
        package.writestr(
            "[Content_Types].xml",
            '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
        )
    return file


def squad(*qas: dict[str, Any], context: str = OPENING, title: str = "Hall") -> dict[str, Any]:
    return {"data": [{"title": title, "paragraphs": [{"context": context, "qas": list(qas)}]}]}


def told(found: ReadExamples) -> list[tuple[str, str]]:
    """Question and answer of each example."""
    return [(example.question, example.answer) for example in found.examples]


def reasons(found: ReadExamples) -> dict[str, str]:
    return {row.place: row.reason.kind for row in found.rejected}


# Layouts


def test_alpaca_takes_its_input_as_the_passage(tmp_path: Path) -> None:
    rows = [
        {"instruction": "When does the hall open?", "input": OPENING, "output": "9:00"},
        {"instruction": "自転車はいくら？", "input": LOAN, "output": "３００円"},
        {"instruction": "Who wrote this?", "input": "", "output": "Nobody"},
    ]
    found = read_examples(write_json(tmp_path / "alpaca.json", rows))

    assert found.layout == "Alpaca"
    assert found.mapping == {"question": "instruction", "answer": "output", "passage": "input"}
    assert told(found) == [
        ("When does the hall open?", "9:00"),
        ("自転車はいくら？", "３００円"),
        ("Who wrote this?", "Nobody"),
    ]
    assert [example.passage for example in found.examples] == [OPENING, LOAN, ""]
    assert [example.language for example in found.examples] == ["en", "ja", "en"]
    assert found.examples[1].place == "alpaca.json: [1]"


def test_sharegpt_gives_an_example_for_each_answered_question(tmp_path: Path) -> None:
    turns = [
        {"from": "system", "value": "Be kind."},
        {"from": "human", "value": "When does the hall open?"},
        {"from": "gpt", "value": "9:00"},
        {"from": "human", "value": "博物館の休館日は？"},
        {"from": "gpt", "value": "月曜日"},
        {"from": "human", "value": "Thanks"},
    ]
    found = read_examples(write_json(tmp_path / "share.json", [{"conversations": turns}]))

    assert found.layout == "ShareGPT"
    assert found.mapping["question"] == "human"
    assert found.mapping["answer"] == "gpt"
    assert told(found) == [("When does the hall open?", "9:00"), ("博物館の休館日は？", "月曜日")]
    assert reasons(found) == {"share.json: [0] conversations[5]": "turn_unanswered"}
    assert "system" in found.unused_columns


def test_a_later_question_of_a_conversation_is_completed_as_it_is_when_served(
    tmp_path: Path,
) -> None:
    turns = [
        {"role": "user", "content": "How much is the bicycle rental?"},
        {"role": "assistant", "content": "300 yen"},
        {"role": "user", "content": "And on Sundays?"},
        {"role": "assistant", "content": [{"type": "text", "text": "400 yen"}]},
    ]
    found = read_examples(write_lines(tmp_path / "chat.jsonl", {"messages": turns}))

    assert found.layout == "messages"
    later = found.examples[1]
    assert "bicycle rental" in later.question
    assert later.answer == "400 yen"
    assert later.place == "chat.jsonl:1 messages[2]"


def test_a_broken_conversation_says_which_message_is_wrong(tmp_path: Path) -> None:
    file = write_lines(
        tmp_path / "chat.jsonl",
        {"messages": [{"role": "user", "content": "a?"}, {"role": "assistant", "content": "b"}]},
        {"messages": [{"role": "assistant", "content": "b"}, {"role": "tool", "content": "c"}]},
        {"messages": []},
        {"messages": ["text"]},
    )
    found = read_examples(file)

    assert told(found) == [("a?", "b")]
    assert reasons(found) == {
        "chat.jsonl:2 messages[0]": "turn_unasked",
        "chat.jsonl:2 messages[1]": "turn_role",
        "chat.jsonl:3 messages": "turns_empty",
        "chat.jsonl:4 messages[0]": "row_shape",
    }


def test_prompt_and_completion_may_be_text_or_messages(tmp_path: Path) -> None:
    texts = write_lines(tmp_path / "a.jsonl", {"prompt": "開館は？", "completion": "9時"})
    messages = write_lines(
        tmp_path / "b.jsonl",
        {
            "prompt": [{"role": "user", "content": "開館は？"}],
            "completion": [{"role": "assistant", "content": "9時"}],
        },
    )

    assert read_examples(texts).layout == "prompt/completion"
    assert told(read_examples(texts)) == told(read_examples(messages)) == [("開館は？", "9時")]


def test_squad_keeps_all_answers_the_title_and_the_sentence_of_the_answer(tmp_path: Path) -> None:
    # "9:00" stands at 18; "Mondays" at 40, in the second sentence, which begins at 24.
    opens = {
        "question": "When does the hall open?",
        "answers": [{"text": "9:00", "answer_start": 18}, {"text": "at 9:00", "answer_start": 15}],
    }
    closed = {
        "question": "When is it closed?",
        "answers": [{"text": "Mondays", "answer_start": 40}],
    }
    found = read_examples(write_json(tmp_path / "squad.json", squad(opens, closed)))

    first, second = found.examples
    assert found.layout == "SQuAD"
    assert first.answers == ("9:00", "at 9:00")
    assert first.quote == "The hall opens at 9:00."
    assert second.quote == "It is closed on Mondays."
    assert first.passage == OPENING
    assert first.group == "Hall"
    assert first.place == "squad.json: data[0].paragraphs[0].qas[0]"


def test_squad_v2_says_what_is_impossible_also_when_gzipped(tmp_path: Path) -> None:
    value = squad(
        {"question": "Who built it?", "answers": [], "is_impossible": True},
        {"question": "When is it closed?", "answers": [{"text": "Mondays"}]},
        {"question": "How large is it?", "answers": []},
        {"question": "Open?", "answers": [{"text": "9:00"}], "is_impossible": True},
    )
    file = tmp_path / "squad.json.gz"
    file.write_bytes(gzip.compress(json.dumps(value).encode()))
    found = read_examples(file)

    assert [example.is_answerable for example in found.examples] == [False, True]
    assert found.examples[0].answers == ()
    assert list(reasons(found).values()) == ["answer_empty", "answer_contradicts"]
    assert found.rows == 4


def test_the_title_in_a_context_of_jsquad_is_no_part_of_the_passage(tmp_path: Path) -> None:
    # The offset counts the title: 梅雨 (2) + " [SEP] " (7) + 梅雨は (3).
    context = "梅雨 [SEP] 梅雨は6月に来る。夏は暑い。"
    value = squad(
        {"question": "梅雨はいつ？", "answers": [{"text": "6月", "answer_start": 12}]},
        context=context,
        title="梅雨",
    )
    example = read_examples(write_json(tmp_path / "jsquad.json", value)).examples[0]

    assert example.passage == "梅雨は6月に来る。夏は暑い。"
    assert example.quote == "梅雨は6月に来る。"


def test_squad_as_flat_rows_is_read_too(tmp_path: Path) -> None:
    row = {
        "question": "When is it closed?",
        "context": OPENING,
        "title": "Hall",
        "answers": {"text": ["Mondays", "on Mondays"], "answer_start": [40, 37]},
    }
    example = read_examples(write_lines(tmp_path / "squad.jsonl", row)).examples[0]

    assert example.answers == ("Mondays", "on Mondays")
    assert example.group == "Hall"


def test_damaged_parts_of_squad_are_rejected_where_they_stand(tmp_path: Path) -> None:
    value = {
        "data": [
            {"title": "a", "paragraphs": [{"qas": []}, {"context": OPENING}, 5]},
            {"title": "b"},
            {"title": "c", "paragraphs": [{"context": OPENING, "qas": ["no object"]}]},
        ]
    }
    assert reasons(read_examples(write_json(tmp_path / "s.json", value))) == {
        "s.json: data[0].paragraphs[0]": "part_missing",
        "s.json: data[0].paragraphs[1]": "part_missing",
        "s.json: data[0].paragraphs[2]": "part_missing",
        "s.json: data[1]": "part_missing",
        "s.json: data[2].paragraphs[0].qas[0]": "row_shape",
    }


PUBMED = {
    "101": {
        "QUESTION": "Does it help?",
        "CONTEXTS": ["We gave it.", "They slept."],
        "LONG_ANSWER": "It helps.",
        "final_decision": "yes",
    },
    "102": {"QUESTION": "Is it safe?", "CONTEXTS": ["x"], "final_decision": "maybe"},
}


def test_pubmedqa_gives_labels_and_abstracts(tmp_path: Path) -> None:
    found = read_examples(write_json(tmp_path / "pqal.json", PUBMED))

    first, second = found.examples
    assert found.layout == "PubMedQA"
    assert (first.label, first.answer, first.group) == ("yes", "yes", "101")
    assert first.passage == "We gave it.\n\nThey slept."
    assert second.label == "maybe"
    assert first.place == "pqal.json: 101"


def test_a_given_mapping_takes_the_place_of_what_was_detected(tmp_path: Path) -> None:
    file = write_json(tmp_path / "pqal.json", {"101": PUBMED["101"]})
    found = read_examples(file, {"answer": "LONG_ANSWER", "label": "", "passage": "contexts"})

    assert found.examples[0].answer == "It helps."
    assert found.examples[0].label == ""
    assert found.mapping["answer"] == "LONG_ANSWER"
    assert "label" not in found.mapping
    assert found.mapping["passage"] == "CONTEXTS"  # as the file writes it


def test_the_questions_of_the_samples_are_read_with_aliases_and_not_found() -> None:
    found = read_examples(Path("examples/questions.jsonl"))

    assert found.layout == "questions"
    assert len(found.examples) == 60
    assert not found.rejected
    assert sum(not example.is_answerable for example in found.examples) == 12
    first = found.examples[0]
    assert first.answers == ("14 characters", "14", "fourteen characters")
    assert first.source == first.group == "it-and-network-policy.md"
    assert first.quote.startswith("A staff password")


TABLE = (
    ("質問", "回答", "文脈", "出典", "メモ"),
    ("自転車はいくら？", "３００円", LOAN, "貸出.md", "確認済"),
    ("休館日は？", "", "", "", ""),
    ("開館は？", "9時、\n土曜は10時", "平日は9時、\n土曜は10時に開く。", "館.md", ""),
)


def table(delimiter: str) -> str:
    stream = io.StringIO()
    csv.writer(stream, delimiter=delimiter, lineterminator="\r\n").writerows(TABLE)
    return stream.getvalue()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932", "euc_jp", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_csv_of_any_encoding_and_delimiter(tmp_path: Path, encoding: str, delimiter: str) -> None:
    found = read_examples(write(tmp_path / "表.csv", table(delimiter), encoding))

    assert found.layout == "columns"
    assert found.mapping == {
        "question": "質問",
        "answer": "回答",
        "passage": "文脈",
        "source": "出典",
    }
    assert told(found) == [("自転車はいくら？", "３００円"), ("開館は？", "9時、\n土曜は10時")]
    assert found.examples[0].source == "貸出.md"
    assert found.examples[1].place == "表.csv:4"
    assert reasons(found) == {"表.csv:3": "answer_empty"}
    assert found.unused_columns == ("メモ",)


def test_english_headers_in_any_case_and_width(tmp_path: Path) -> None:
    text = "Ｑｕｅｓｔｉｏｎ , ANSWER,Context\nWhen?,9:00,The hall opens at 9:00.\n"
    found = read_examples(write(tmp_path / "a.csv", text))

    assert found.layout == "columns"
    assert found.examples[0].passage == "The hall opens at 9:00."


def test_a_stray_quotation_mark_costs_its_own_line_only(tmp_path: Path) -> None:
    text = 'question,answer\n1?,a\n"2?,b\n3?,c\n"4?"x,d\n5?,e\n'
    found = read_examples(write(tmp_path / "a.csv", text))

    assert told(found) == [("1?", "a"), ("3?", "c"), ("5?", "e")]
    assert reasons(found) == {"a.csv:3": "row_quotes", "a.csv:5": "row_quotes"}


def test_a_comma_without_quotation_marks_is_noticed(tmp_path: Path) -> None:
    found = read_examples(write(tmp_path / "a.csv", "question,answer\nPrice?,3,000 yen\n"))

    assert reasons(found) == {"a.csv:2": "row_cells"}
    assert "3 cells" in str(found.rejected[0].reason)


def test_workbooks_are_read_sheet_by_sheet_below_their_titles(tmp_path: Path) -> None:
    file = write_workbook(
        tmp_path / "台帳.xlsx",
        {
            "問答": [["貸出のQ&A"], ["質問", "回答", "出典"], ["開館は？", "9時", "館.md"]],
            "notes": [["who", "when"], ["me", "today"]],
            "English": [["Question", "Answer"], ["When?", "9:00"], ["Why?", ""]],
        },
    )
    found = read_examples(file)

    assert told(found) == [("開館は？", "9時"), ("When?", "9:00")]
    assert found.examples[0].place == "台帳.xlsx: 問答!3"
    assert reasons(found) == {
        "台帳.xlsx: English!3": "answer_empty",
        "台帳.xlsx: notes": "sheet_columns",
    }


def test_a_workbook_with_other_headers_is_read_as_mapped(tmp_path: Path) -> None:
    file = write_workbook(tmp_path / "a.xlsx", {"s": [["Frage", "Antwort"], ["When?", "9:00"]]})

    with pytest.raises(ExampleFileError, match="columns Frage, Antwort"):
        read_examples(file)
    found = read_examples(file, {"question": "Frage", "answer": "Antwort"})
    assert told(found) == [("When?", "9:00")]
    assert found.layout == "as mapped"


def pair(number: int, answer: str, state: str = "accepted", **changes: Any) -> Pair:  # noqa: ANN401 - fields of any type
    fields: dict[str, Any] = {
        "id": number, "question": "開館は？", "answer": answer, "language": "ja",
        "source": "館.md", "quote": "9時に開く。", "passage": "館は9時に開く。",
        "author": "mari", "state": state, "created": "2026-11-21T00:00:00Z", "feedback_id": number,
        "triage": "", **changes,
    }  # fmt: skip
    return Pair(**fields)


def test_only_accepted_corrections_become_examples() -> None:
    found = from_feedback(
        [
            pair(1, "9時"),
            pair(2, ""),
            pair(3, "10時", state="proposed"),
            pair(4, "10時", state="rejected"),
            pair(5, "9時", missing="document"),
        ]
    )

    assert told(found) == [("開館は？", "9時"), ("開館は？", "")]
    assert found.examples[0].origin == "feedback"
    assert found.examples[0].author == "mari"
    assert not found.examples[1].is_answerable
    assert reasons(found) == {
        "feedback:3": "pair_not_accepted",
        "feedback:4": "pair_not_accepted",
        "feedback:5": "pair_missing",
    }


# Rows that are no examples


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ({"question": "", "answer": "a"}, "question_empty"),
        ({"question": " \u3000", "answer": "a"}, "question_empty"),
        ({"question": None, "answer": "a"}, "question_empty"),
        ({"question": "開館は？", "answer": " "}, "answer_empty"),
        ({"question": "When?"}, "answer_empty"),
        ({"question": "When?", "answer": {"a": 1}}, "value_shape"),
        ({"question": "When?", "answer": "9:00", "answerable": False}, "answer_contradicts"),
        ({"question": "When?", "answer": "9:00", "answerable": "perhaps"}, "answerable_unknown"),
        ({"question": "When?", "answer": "at nine o'clock", "context": "nine"}, "answer_longer"),
        (["When?", "9:00"], "row_shape"),
        (5, "row_shape"),
    ],
)
def test_a_row_that_cannot_be_learned_from_is_rejected_with_its_reason(
    tmp_path: Path, row: object, kind: str
) -> None:
    whole = {"question": "Whole?", "answer": "yes", "context": "", "answerable": True}
    found = read_examples(write_lines(tmp_path / "a.jsonl", whole, row))

    assert told(found) == [("Whole?", "yes")]
    assert reasons(found) == {"a.jsonl:2": kind}


@pytest.mark.parametrize("answer", ["", *NOT_FOUND.values(), "文書の中に見つかりませんでした"])
def test_a_declared_lack_of_an_answer_is_learned_as_not_found(tmp_path: Path, answer: str) -> None:
    row = {"question": "Who?", "answer": answer, "answerable": False}
    found = read_examples(write_lines(tmp_path / "a.jsonl", row))

    assert told(found) == [("Who?", "")]


def test_numbers_are_answers_and_long_identifiers_keep_their_digits(tmp_path: Path) -> None:
    rows = '{"question": "a", "answer": 14}\n{"question": "b", "answer": 12345678901234567890}\n'
    rows += '{"question": "c", "answer": 2.0}\n{"question": "d", "answer": true}\n'
    found = read_examples(write(tmp_path / "a.jsonl", rows))

    assert [answer for _, answer in told(found)] == ["14", "12345678901234567890", "2", "true"]


def test_what_utf8_cannot_hold_is_left_out_and_emoji_stay(tmp_path: Path) -> None:
    text = r'{"\ud800question": "\ud83d\ude00?\ud800", "answer": "a\u0000b\udfff"}'
    found = read_examples(write(tmp_path / "a.jsonl", text))

    assert found.columns == ("question", "answer")
    assert told(found) == [("😀?", "ab")]
    pubmed = write(tmp_path / "b.json", r'{"\ud8001": {"QUESTION": "", "CONTEXTS": "x", '
                   r'"final_decision": "yes"}}')  # fmt: skip
    assert reasons(read_examples(pubmed)) == {"b.json: 1": "question_empty"}


def test_malformed_lines_of_jsonl_are_rejected_and_the_others_read(tmp_path: Path) -> None:
    text = (
        '{"question": "1?", "answer": "a"}\n\n{"question": "2?", "answer": "b"\n'
        '{"question": "3?", "answer": "c"}\r\n' + "[" * 100_000 + "\n"
    )
    found = read_examples(write(tmp_path / "a.jsonl", text))

    assert told(found) == [("1?", "a"), ("3?", "c")]
    assert reasons(found) == {"a.jsonl:3": "row_json", "a.jsonl:5": "row_deep"}


def test_a_damaged_byte_costs_its_line_only(tmp_path: Path) -> None:
    lines = [json.dumps({"question": f"質問{n}番は？", "answer": "答え"}, ensure_ascii=False)
             for n in range(4)]  # fmt: skip
    content = [line.encode() for line in lines]
    content[2] = content[2].replace("番".encode(), b"\xe7\x95")
    file = tmp_path / "a.jsonl"
    file.write_bytes(b"\n".join(content))
    found = read_examples(file)

    assert len(found.examples) == 3
    assert reasons(found) == {"a.jsonl:3": "row_encoding"}


def test_lines_in_a_json_file_and_a_list_in_a_jsonl_file_are_told_by_content(
    tmp_path: Path,
) -> None:
    row = {"question": "When?", "answer": "9:00"}
    lines = write_lines(tmp_path / "a.json", row, row)
    broken = write(tmp_path / "c.json", f'{json.dumps(row)}\n{{"question": \n')
    rows = write_json(tmp_path / "b.jsonl", [row, row])

    assert len(read_examples(lines).examples) == len(read_examples(rows).examples) == 2
    assert reasons(read_examples(broken)) == {"c.json:2": "row_json"}


# Files that cannot be read at all


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.json", b'[\n{"question": "a",\n "answer": }\n]', "line 3, column 12"),
        ("a.json", b"[" * 200_000, "nested too deeply"),
        ("a.json", b'{"a": 1, "b": 2}', "an object with the keys a, b"),
        ("a.json", b'"text"', "holds a text"),
        ("a.json", b"[]", "holds no rows"),
        ("a.json", b"", "line 1, column 1"),
        ("a.jsonl", b"", "holds no rows"),
        ("a.csv", b"\n\n", "holds no rows"),
        ("a.csv", b"question,answer\n", "holds no rows"),
        ("a.json", '[{"question":\n "長い質問です。質問'.encode()[:-1] + b'"}]', "line 2 is text"),
        ("a.json.gz", gzip.compress(b'[{"question": 1}]' * 99)[:-12], "is damaged"),
        ("a.xlsx", b"no workbook", "not an Excel workbook"),
        ("a.docx", b"", "is no file of examples"),
        ("a.csv", b"name,age\nx,1\n", "columns name, age"),
        ("a.csv", "名前,年齢\nx,1\n".encode("cp932"), "columns 名前, 年齢"),
        ("a.jsonl", b'{"question": "a", "text": "b"}', "told as answer"),
    ],
)
def test_a_file_that_cannot_be_read_says_why_and_where(
    tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    file = tmp_path / name
    file.write_bytes(content)

    with pytest.raises(ExampleFileError) as caught:
        read_examples(file)
    assert words in str(caught.value)
    assert caught.value.sentence.text("ja") != str(caught.value)


def test_missing_files_and_folders_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(ExampleFileError, match="no regular file"):
        read_examples(tmp_path / "folder.json")
    for name in KINDS:
        with pytest.raises(ExampleFileError, match="There is no file"):
            read_examples(tmp_path / f"missing{name}")


def test_a_json_file_beyond_the_limit_is_refused_and_pointed_to_jsonl(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    value = [{"question": "When?", "answer": "9:00"}] * 50
    monkeypatch.setattr(text_file, "MAX_JSON_BYTES", 1 << 20)
    large = write(tmp_path / "a.json", json.dumps(value) + " " * (1 << 20))
    packed = tmp_path / "b.json.gz"
    packed.write_bytes(gzip.compress(large.read_bytes()))

    for file in (large, packed):
        with pytest.raises(ExampleFileError, match=r"more than 1 MB of JSON.*\.jsonl"):
            read_examples(file)


@pytest.mark.parametrize("limit", ["MAX_ROWS", "MAX_CHARACTERS"])
def test_rows_beyond_what_fits_into_memory_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    rows = [{"question": f"When is {n}?", "answer": "now"} for n in range(30)]
    monkeypatch.setattr(read, limit, 10 if limit == "MAX_ROWS" else 100)
    found = read_examples(write_lines(tmp_path / "a.jsonl", *rows))

    assert found.unread > 0
    assert len(found.examples) + found.unread == found.rows == 30


def test_a_line_without_end_is_skipped_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_file, "MAX_LINE_CHARACTERS", 1000)
    good = json.dumps({"question": "When?", "answer": "9:00"})
    found = read_examples(write(tmp_path / "a.jsonl", f"{good}\n{'x' * 5000}\n{good}\n"))

    assert len(found.examples) == 2
    assert reasons(found) == {"a.jsonl:2": "row_long"}


# Mapping


def test_a_mapping_names_fields_and_columns_that_exist(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "q1,a1\nWhen?,9:00\n")

    with pytest.raises(ExampleFileError, match=r"no column q2.*q1, a1"):
        read_examples(file, {"question": "q2"})
    with pytest.raises(ExampleFileError, match="no field frage"):
        read_examples(file, {"frage": "q1"})
    with pytest.raises(ExampleFileError, match="maps nothing"):
        parse_mapping(["question"])
    assert told(read_examples(file, parse_mapping(["question=q1", "answer=a1"])))


def test_of_several_files_those_without_the_mapped_columns_are_read_as_detected(
    tmp_path: Path,
) -> None:
    mapped = write(tmp_path / "a.csv", "Frage,Antwort\nWhen?,9:00\n")
    detected = write(tmp_path / "b.csv", "質問,回答\n開館は？,9時\n")
    mapping = {"question": "Frage", "answer": "Antwort"}

    assert [told(found) for found in read_files([mapped, detected], mapping)] == [
        [("When?", "9:00")],
        [("開館は？", "9時")],
    ]
    with pytest.raises(ExampleFileError, match="no column Frage"):
        read_files([detected], mapping)


# Everything


def test_all_sentences_have_the_same_values_in_both_languages() -> None:
    from string import Formatter

    def holes(template: str) -> set[str]:
        return {name for _, name, _, _ in Formatter().parse(template) if name is not None}

    twins = {"unit", "unit_ja"}  # a word that differs by language
    wrong = [k for k, (en, ja) in WORDS.items() if holes(en) - twins != holes(ja) - twins]
    assert wrong == []
    assert all(ja != en for en, ja in WORDS.values())


def test_random_damage_gives_examples_rejections_or_an_error_in_words(tmp_path: Path) -> None:
    rows = [
        {"question": f"質問{n}は？", "answer": f"答え{n}", "context": f"答え{n}です。"}
        for n in range(8)
    ]
    whole = {
        "a.json": json.dumps(rows, ensure_ascii=False).encode(),
        "b.jsonl": "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode(),
        "c.csv": table(",").encode("cp932"),
        "d.json.gz": gzip.compress(json.dumps(squad(
            {"question": "開館は？", "answers": [{"text": "9:00", "answer_start": 18}]}
        )).encode()),
        "e.xlsx": write_workbook(tmp_path / "x.xlsx", {"s": TABLE}).read_bytes(),
    }  # fmt: skip
    chance = random.Random(20261121)
    read_anything = 0
    for name, content in whole.items():
        for _ in range(60):
            damaged = bytearray(content)
            for _ in range(chance.randint(1, 6)):
                at = chance.randrange(len(damaged))
                damaged[at : at + chance.randint(0, 3)] = chance.randbytes(chance.randint(0, 3))
            file = tmp_path / name
            file.write_bytes(damaged)
            try:
                found = read_examples(file)
            except ExampleFileError:
                continue
            read_anything += 1
            assert found.rows == len(found.examples) + len(found.rejected)
            assert all(str(row.reason) and row.place for row in found.rejected)
            assert all(isinstance(example, QAExample) for example in found.examples)
    assert read_anything > 30


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data is not here")
@pytest.mark.parametrize(
    ("name", "rows", "not_found"),
    [
        ("train/pubmedqa-pqal-nontest.json.gz", 500, 0),
        ("dev/jsquad-valid-v1.3.json.gz", 4442, 0),
        ("dev/squad-v2-dev-half.json.gz", 6078, 3168),
    ],
)
def test_public_sets_are_read_whole(name: str, rows: int, not_found: int) -> None:
    found = read_examples(SHARED / name)

    assert (len(found.examples), len(found.rejected)) == (rows, 0)
    assert sum(not example.is_answerable for example in found.examples) == not_found
    assert set(found.mapping) <= set(FIELDS)
