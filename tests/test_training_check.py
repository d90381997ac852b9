"""The check before a training: each thing that spoils one is found, and nothing else is."""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from rag.config import Config
from rag.datatypes import Language, Message, Prompt
from tests.fakes import HashingEmbedder
from tests.tiny_chat_model import save_tiny_chat_model
from training.cli import main
from training.config import DataSettings, TrainingConfig, TrainSettings
from training.datatypes import AnswerRow, QAExample
from training.examples.authors import cap_authors
from training.examples.check import check_examples, document_leaks
from training.examples.check_content import near_leaks
from training.examples.check_report import CheckReport, check_from_json
from training.examples.check_rows import check_rows, histogram, marked, search_recall
from training.examples.check_text import report_text
from training.examples.choose import choose_examples
from training.examples.labels import label_balance, labels_of
from training.examples.near import NearQuestions
from training.examples.sentence import Sentence
from training.examples.split import groups_of, split_examples
from training.examples.values import ReadExamples, RejectedRow
from training.rows.encoding import Encoded, RowEncoder

CONFIG = TrainingConfig("test", train=TrainSettings(batch_size=1))


def example(question: str, answer: str = "yes", **fields: str) -> QAExample:
    place = fields.pop("place", f"a.jsonl:{question}")
    language: Language = "en" if question.isascii() else "ja"
    answers = (answer,) if answer else ()
    made = QAExample(question, answer, language, place, answers=answers)
    return replace(made, **fields)  # type: ignore[arg-type]


def many(count: int, documents: int = 10) -> list[QAExample]:
    """Questions about some documents in turn, no two alike; every fifth has no answer."""
    names = "abcdefghijklmnopqrstuvwxyz"
    return [
        example(
            f"What does chapter {n} of the {names[n % 26] * 5} manual say?",
            "" if n % 5 == 4 else f"answer {n}",
            passage=f"Passage {n}: answer {n}.",
            group=f"document {n % documents}",
        )
        for n in range(count)
    ]


def read_of(examples: Sequence[QAExample], name: str = "a.jsonl") -> ReadExamples:
    return ReadExamples(name, tuple(examples), (), "columns", {"question": "q", "answer": "a"})


def check(examples: Sequence[QAExample], config: TrainingConfig = CONFIG) -> CheckReport:
    return check_examples([read_of(examples)], config)


def kinds(report: CheckReport, level: str = "") -> list[str]:
    return [f.sentence.kind for f in report.findings if not level or f.level == level]


def said(report: CheckReport, kind: str) -> Sentence:
    return next(f.sentence for f in report.findings if f.sentence.kind == kind)


# What is found


def test_good_examples_give_no_warning() -> None:
    report = check(many(100))

    assert kinds(report) == []
    assert report.blocking == ()
    assert (report.train, report.held_out, report.not_found) == (80, 20, 20)


def test_no_example_at_all_forbids_to_train() -> None:
    read = replace(read_of([]), rejected=(RejectedRow("a.jsonl:1", Sentence("question_empty")),))
    report = check_examples([read], CONFIG)

    assert kinds(report, "block") == ["no_examples"]
    assert said(report, "rejected").values["count"] == 1


def test_rejected_unread_and_unused_are_told_for_each_file() -> None:
    rejected = (RejectedRow("b.csv:3", Sentence("answer_empty")),)
    read = replace(read_of(many(100), "b.csv"), rejected=rejected, unread=7, columns=("q", "memo"))
    report = check_examples([read], CONFIG)

    assert str(said(report, "rejected")) == "b.csv: 1 of 108 rows are left out."
    assert "the first 101 of 108 rows" in str(said(report, "unread"))
    assert str(said(report, "unused_columns")) == "b.csv: nothing is read from memo."
    assert (report.kept, report.rejected) == (100, 1)


def test_repeated_rows_are_counted_whatever_their_width_and_case() -> None:
    twice = [example("Ｗhen does it open？", "９：００"), example("when does it open?", "9:00")]
    report = check([*many(100), *twice])

    assert said(report, "duplicates").values["count"] == 1


def test_nearly_equal_questions_about_one_text_are_found_and_other_numbers_are_not() -> None:
    same = {"passage": "The fee of the music hall is 300 yen, or 400 yen on Sundays. answer"}
    near = [
        example("What is the fee of the music hall on Sundays?", "400 yen", **same),
        example("And what is the fee of the music hall on Sundays", "400 yen", **same),
    ]
    numbers = [
        example("What is the fee of music hall 3 on Sundays?", "300 yen", **same),
        example("What is the fee of music hall 4 on Sundays?", "300 yen", **same),
    ]
    assert said(check([*many(100), *near]), "near_duplicates").values["count"] == 1
    assert "near_duplicates" not in kinds(check([*many(100), *numbers]))


def test_near_questions_are_those_of_a_full_comparison() -> None:
    """The prefix filter finds what comparing all pairs finds."""
    from rag.language import is_negated, numbers, terms

    questions = [e.question for e in many(60)] + [
        "自転車の貸出料金はいくらですか。", "自転車の貸出料金はいくらですか",
        "自転車の貸出期間は？",
        "May I bring my own guitar?", "May I not bring my own guitar?", "Guitar?", "Guitar?",
        "May I bring own guitar with me?",
    ]  # fmt: skip
    index = NearQuestions(questions)
    sets = [set(terms(question)) for question in questions]
    for row, question in enumerate(questions):
        expected = [
            other
            for other in range(len(questions))
            if min(len(sets[row]), len(sets[other])) >= 3
            and len(sets[row] & sets[other]) / len(sets[row] | sets[other]) >= 0.8
            and numbers(question) == numbers(questions[other])
            and is_negated(question) == is_negated(questions[other])
        ]
        assert index.near(question) == expected


def test_different_answers_about_one_text_contradict_and_about_two_do_not() -> None:
    text = {"passage": "It opens at 9:00, in winter at 10:00."}
    one = [example("When?", "9:00", **text), example("when", "10:00", **text)]
    two = [example("When?", "9:00", passage="at 9:00"), example("When?", "8:00", passage="at 8:00")]
    shared = [
        replace(example("When?", "9:00", **text), answers=("9:00", "10:00")),
        example("when", "10:00", **text),
    ]
    assert said(check([*many(100), *one]), "conflicts").values["count"] == 1
    assert "conflicts" not in kinds(check([*many(100), *two]))
    assert said(check([*many(100), *two]), "asked_elsewhere").values["count"] == 1
    assert {"conflicts", "asked_elsewhere"}.isdisjoint(kinds(check([*many(100), *shared])))


def test_answers_without_place_or_support_are_counted() -> None:
    unplaced = example("Who?", "Mari")
    unsupported = example("Who is it?", "210", passage="There are 10 of them.", group="x")
    digits = example("いくら？", "300円", passage="料金は３００円です。", group="y")
    report = check([*many(100), unplaced, unsupported, digits])

    assert said(report, "no_place").values == {"count": 1, "places": "a.jsonl:Who?"}
    assert said(report, "not_in_passage").values["places"] == "a.jsonl:Who is it?"


def test_other_languages_and_personal_data_are_counted() -> None:
    rows = [
        example("Почему?", "x", passage="x", group="x", language="other"),
        example("Mail?", "mari@example.org", passage="Mail: mari＠example.org", group="y"),
        example(
            "電話は？", "０３－１２３４－５６７８", passage="０３－１２３４－５６７８", group="z"
        ),
        # A number of a card that is printed in every manual for its check digit, and one that
        # has another last digit.
        example("Card?", "4111 1111 1111 1111", passage="4111 1111 1111 1112", group="w"),
    ]
    values = said(check([*many(100), *rows]), "personal").values

    # "－" becomes a hyphen-minus; each value stands in an answer and in a passage.
    assert values == {"emails": 2, "phones": 2, "cards": 1}
    assert said(check([*many(100), *rows]), "other_language").values["count"] == 1


def test_dates_and_years_are_no_personal_data() -> None:
    text = "From 2019-04-01 to 2024-03-31, 12345678 copies, 10:00-12:00, ISBN 978-4-00-310101-8."
    assert "personal" not in kinds(check([*many(100), example("When?", "2019", passage=text)]))


# Labels


def labelled(**counts: int) -> list[QAExample]:
    return [
        example(f"Question {label} {n}?", label, label=label, passage=f"{label} {n}", group=str(n))
        for label, count in counts.items()
        for n in range(count)
    ]


def test_the_yes_only_trap_is_caught_with_numbers() -> None:
    # Always "yes" on 93 % yes: precision 0.93, recall 1, F1 = 1.86 / 1.93; of "no" 0.
    report = check([*labelled(yes=93, no=7)])

    assert report.labels is not None
    assert report.labels.counts == {"yes": 93, "no": 7}
    assert report.labels.accuracy == 0.93
    assert report.labels.macro_f1 == pytest.approx(1.86 / 1.93 / 2)
    words = said(report, "majority_label")
    assert "93.0% of the 100 labels are 'yes'" in str(words)
    assert "accuracy of 0.930 and a macro-F1 of 0.482" in str(words)
    assert 'data.balance to "sample"' in str(words)
    assert "マクロF1 0.482" in words.text("ja")


def test_the_trap_is_a_note_when_balancing_is_on_and_nothing_when_labels_are_mixed() -> None:
    balanced = replace(CONFIG, data=DataSettings(balance="weights"))

    assert "majority_balanced" in kinds(check(labelled(yes=93, no=7), balanced), "info")
    assert "majority_label" not in kinds(check(labelled(yes=79, no=21)))
    assert said(check(labelled(yes=30)), "one_label").values == {"total": 30, "label": "yes"}


def test_answers_are_labels_when_there_are_only_a_few_kinds() -> None:
    """The set of the first article came in the layout of Alpaca: its labels were outputs."""
    few = [example(f"{n}?", "Yes." if n % 13 else "no", passage="p") for n in range(39)]
    words = [example(f"{n}?", f"answer {n}") for n in range(39)]

    assert set(labels_of(few)) == {"yes", "no"}
    assert set(labels_of(words)) == {""}
    assert set(labels_of(few[:10])) == {""}
    assert label_balance(labels_of(words)) is None
    assert "majority_label" in kinds(check(few))
    assert "not_in_passage" not in kinds(check(few))


# "Not found"


@pytest.mark.parametrize(
    ("without", "share", "kind"),
    [(0, 0.2, "no_not_found"), (0, 0.0, "no_not_found_at_all"), (60, 0.2, "many_not_found")],
)
def test_the_share_of_not_found_is_looked_at(without: int, share: float, kind: str) -> None:
    rows = [replace(e, answer="" if n < without else f"answer {n}")
            for n, e in enumerate(many(100))]  # fmt: skip
    config = replace(CONFIG, data=DataSettings(not_found_share=share))

    assert kind in kinds(check(rows, config), "warn")


# Held out


def test_a_split_never_tears_a_group_and_is_the_same_for_the_same_seed() -> None:
    rows = many(100)
    train, held_out = split_examples(rows, 0.2, 200, seed=1)

    assert {e.group for e in train}.isdisjoint({e.group for e in held_out})
    assert len({e.group for e in held_out}) == 2
    assert len(train) + len(held_out) == 100
    assert split_examples(rows, 0.2, 200, seed=1) == (train, held_out)
    assert any(split_examples(rows, 0.2, 200, seed=s)[1] != held_out for s in range(2, 6))


def test_what_is_held_out_is_capped_and_its_rest_is_not_learned() -> None:
    rows = many(100)
    train, held_out = split_examples(rows, 0.2, 5, seed=1)
    chosen = choose_examples([read_of(rows)], replace(CONFIG, data=DataSettings(max_held_out=5)))

    assert (len(train), len(held_out)) == (80, 5)
    assert (len(chosen.train), len(chosen.held_out), chosen.set_aside) == (80, 5, 15)
    assert split_examples(rows, 0.0, 5, seed=1) == (rows, [])


def test_documents_that_share_a_passage_are_one() -> None:
    rows = [
        example("1?", passage="Same text.", group="a"),
        example("2?", passage="same  TEXT", group="b"),
        example("3?", passage="Other text.", group="c"),
        example("4?", source="d.md"),
        example("5?"),
    ]
    one, two, three, four, five = groups_of(rows)

    assert one == two
    assert len({one, three, four, five}) == 4
    for seed in range(10):
        train, held_out = split_examples(rows, 0.3, 10, seed)
        assert {e.question for e in held_out} & {"1?", "2?"} in (set(), {"1?", "2?"})
        assert document_leaks(train, held_out) == []


def test_a_document_in_both_parts_is_a_leak() -> None:
    """The negative control: a split that was made by question."""
    rows = many(100)

    assert len(document_leaks(rows[:90], rows[90:])) == 10
    assert document_leaks(*split_examples(rows, 0.2, 200, 0)) == []


def test_nearly_equal_questions_in_both_parts_are_a_leak() -> None:
    learned = [example("How long may a member borrow an instrument?"), example("Closed when?")]
    tested = [example("How long may a member borrow an instrument"), example("Who repairs it?")]
    (found,) = near_leaks(learned, tested)

    assert found.sentence.values["count"] == 1
    assert found.sentence.values["total"] == 2
    assert near_leaks(learned, tested[1:]) == []


def test_one_document_is_split_by_passages_and_said_so() -> None:
    rows = [replace(e, group="only") for e in many(40)]
    report = check(rows)
    train, held_out = split_examples(rows, 0.2, 200, 0)

    assert said(report, "one_document").values["unit"] == "passages"
    assert report.blocking == ()
    assert (len(train), len(held_out)) == (32, 8)
    same = [replace(e, passage="One passage.") for e in rows]
    assert said(check(same), "one_document").values["unit"] == "questions"


def test_too_few_examples_are_said_to_be_few() -> None:
    config = replace(CONFIG, train=TrainSettings(batch_size=4, gradient_accumulation=8))

    assert "no_held_out" in kinds(check(many(1)), "warn")
    assert said(check(many(10), config), "less_than_a_step").values == {"rows": 8, "per_step": 32}


# Authors


def corrections(author: str, count: int) -> list[QAExample]:
    return [
        example(f"{author} {n}?", "poison", author=author, origin="feedback", source=f"{n}.md")
        for n in range(count)
    ]


def test_250_corrections_of_one_author_are_at_most_5_percent_of_what_is_learned() -> None:
    # 5 of 105 are 4.8 %, 6 of 106 are 5.7 %.
    rows = [*many(100), *corrections("mallory", 250)]
    kept, left_out = cap_authors(rows, 0.05, seed=0)

    assert sum(e.author == "mallory" for e in kept) == 5
    assert len(left_out) == 245
    assert sum(not e.author for e in kept) == 100
    report = check(rows)
    assert report.authors == {"mallory": 250}
    assert "245 of the 250 corrections of mallory are left out" in str(said(report, "author_cap"))


@pytest.mark.parametrize(
    ("counts", "others", "share", "kept"),
    [
        ({"a": 250}, 0, 0.05, 0),  # nobody alone may be everything
        ({"a": 250}, 0, 1.0, 250),
        ({"a": 10, "b": 10}, 0, 0.5, 20),
        ({"a": 100, "b": 2}, 20, 0.1, 4),  # 2 of 24 are 8 %, 3 of 25 are 12 %
        ({"": 30, "b": 1}, 95, 0.05, 6),  # beside others, who gives no name is one author as well
        ({"": 250}, 0, 0.05, 250),  # the only person here teaches as much as they like
    ],
)
def test_the_limit_of_an_author_is_a_share_of_what_is_kept(
    counts: dict[str, int], others: int, share: float, kept: int
) -> None:
    rows = [e for author, count in counts.items() for e in corrections(author, count)]
    found, left_out = cap_authors([*many(others), *rows], share, seed=0)

    assert sum(e.origin == "feedback" for e in found) == kept
    assert len(found) + len(left_out) == len(rows) + others


def test_a_run_learns_what_the_check_counted_and_a_random_part_of_it() -> None:
    rows = [*many(100), *corrections("mallory", 20)]
    config = replace(CONFIG, data=DataSettings(max_rows=40))
    chosen = choose_examples([read_of(rows)], config)
    used = [*chosen.train, *chosen.held_out]

    assert len(used) + chosen.set_aside <= 40
    assert sum(e.author == "mallory" for e in used) <= 0.05 * len(used)
    total = len(used) + chosen.set_aside + len(chosen.over_limit) + chosen.not_chosen
    assert total == len(rows)
    assert "not_chosen" in kinds(check(rows, config))


# Rows


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> RowEncoder:
    return RowEncoder(save_tiny_chat_model(tmp_path_factory.mktemp("check") / "model"))


def row(question: str, completion: str, gold: int = 1) -> AnswerRow:
    prompt = Prompt((Message("user", question),), question, "en", (), (), 0, 0, "test")
    return AnswerRow(prompt, completion, example(question, completion), gold)


def test_rows_show_their_tokens_and_what_is_learned_of_them(encoder: RowEncoder) -> None:
    found = check_rows([row("開館は？", "9時 [1]"), row("Why?", "No [2]")], encoder, CONFIG)

    # Bytes and the end: 9 + 3 + 4 + 1 and 6 + 1.
    assert found.completion_tokens.longest == 1 + 3 + 4 + 1
    assert found.completion_tokens.median == 6 + 1
    assert found.sample == (
        "<|im_start|>user\n開館は？<|im_end|>\n<|im_start|>assistant\n[[9時 [1]<|im_end|>]]"
    )
    assert found.findings == ()


def test_a_row_that_would_be_cut_forbids_to_train(encoder: RowEncoder) -> None:
    short, long = row("Why?", "No [2]"), row("Why not?", "x" * 60)
    length = len(encoder.encode(long).input_ids)
    tight = replace(CONFIG, train=TrainSettings(max_tokens=length - 1))
    enough = replace(CONFIG, train=TrainSettings(max_tokens=length))
    report = check_examples([read_of(many(100))], tight, rows=[short, long], encoder=encoder)

    assert kinds(report, "block") == ["rows_cut"]
    assert f"the longest has {length}" in report.blocking[0]
    assert said(report, "rows_cut").values["places"] == "a.jsonl:Why not?"
    assert check_rows([short, long], encoder, enough).findings == ()


def test_a_row_beyond_what_the_model_reads_counts_as_cut(encoder: RowEncoder) -> None:
    config = replace(CONFIG, train=TrainSettings(max_tokens=1 << 20))
    (found,) = check_rows([row("Why?", "x" * 5000)], encoder, config).findings

    assert found.sentence.kind == "rows_cut"


class Endless(RowEncoder):
    """Forgets the end of an answer, as the trainer of the Q&A article did."""

    def encode(self, row: AnswerRow) -> Encoded:
        whole = super().encode(row)
        return Encoded(whole.input_ids[:-1], whole.labels[:-1])


def test_an_end_that_is_not_taught_forbids_to_train(encoder: RowEncoder, tmp_path: Path) -> None:
    endless = Endless(save_tiny_chat_model(tmp_path / "model"))
    (found,) = check_rows([row("Why?", "No [2]")], endless, CONFIG).findings

    assert (found.level, found.sentence.kind) == ("block", "end_not_taught")


def test_marks_stand_around_every_learned_run() -> None:
    letters = Encoded(tuple(range(6)), (-100, 1, 2, -100, -100, 5))

    def text(ids: Sequence[int]) -> str:
        return "".join("abcdef"[token] for token in ids)

    assert marked(letters, text) == "a[[bc]]de[[f]]"


def test_the_histogram_counts_every_row_once() -> None:
    found = histogram([3, 8, 9, 40, 41, 1279, 1280])

    assert found.edges == (0, 8, 16, 32, 64, 128, 256, 512, 768, 1024, 1280, 1536)
    assert found.counts == (1, 2, 0, 2, 0, 0, 0, 0, 0, 1, 1)
    assert (found.median, found.p95, found.longest) == (40, 1280, 1280)
    with pytest.raises(ValueError, match="no rows"):
        histogram([])


def test_recall_is_that_of_questions_with_an_answer() -> None:
    unanswerable = replace(row("Who?", ""), gold_passage=0)
    rows = [row("1?", "a", 1), row("2?", "b", 4), row("3?", "c", 0), unanswerable]
    recall, (low,) = search_recall(rows, 4)

    assert recall == pytest.approx(2 / 3)
    assert low.sentence.kind == "recall_low"
    assert search_recall(rows[:2], 4)[1][0].level == "info"
    assert search_recall([unanswerable], 4) == (None, [])


# The report and the command


def test_a_report_survives_json(encoder: RowEncoder) -> None:
    read = replace(
        read_of(labelled(yes=93, no=7)),
        rejected=(RejectedRow("a.csv:3", Sentence("row_cells", {"cells": 3, "columns": 2})),),
    )
    rows = [row("Why?", "x" * 5000), row("開館は？", "9時")]
    report = check_examples([read], CONFIG, rows=rows, found=rows, encoder=encoder)
    table = json.loads(json.dumps(report.to_json()))

    assert check_from_json(table) == report
    assert table["blocking"] == list(report.blocking)
    assert table["files"][0]["rejected"][0]["reason"]["ja"].startswith("セルが3個")
    assert table["findings"][0]["level"] == "block"


def test_the_text_of_a_report_ends_with_what_is_gravest(encoder: RowEncoder) -> None:
    rows = [row("Why?", "x" * 5000), row("Why?", "no")]
    report = check_examples([read_of(many(100))], CONFIG, rows=rows, encoder=encoder)
    lines = report_text(report).split("\n")

    assert lines[0] == "a.jsonl (layout: columns): 100 rows kept, 0 rejected."
    assert lines[-2].startswith("STOP: 1 of 2 rows have more than the 1,280 tokens")
    assert lines[-1] == "Not fit to train on."


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Settings with a tiny model, an embedder that needs no graph, and an empty state."""
    before = dict(os.environ)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("training.rows.example_search.load_embedder", lambda _: HashingEmbedder())
    save_tiny_chat_model(tmp_path / "models" / "base")
    (tmp_path / "fumikura.toml").write_text('device = "cpu"\nthreads = 1\n')
    (tmp_path / "run.toml").write_text('name = "x"\nbase = "base"\n[train]\nmax_tokens = 4096\n')
    yield tmp_path
    os.environ.clear()
    os.environ.update(before)


def write_rows(file: Path, count: int) -> None:
    rows = [
        {
            "質問": f"第{n}章には何がありますか？",
            "回答": f"項目{n}",
            "文脈": f"第{n}章は項目{n}です。",
        }
        for n in range(count)
    ]
    lines = [json.dumps(row, ensure_ascii=False) for row in rows]
    file.write_text("\n".join([*lines, '{"質問": "空？", "回答": ""}', "{"]), encoding="utf-8")


def test_the_command_shows_mapping_rejections_and_one_row(
    workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_rows(workplace / "例.jsonl", 12)

    assert main(["check", "--data", "例.jsonl", "--training", "run.toml", "--rows", "6"]) == 0
    out = capsys.readouterr().out
    assert "例.jsonl (layout: columns): 12 rows kept, 2 rejected." in out
    assert "Read as: question = 質問, answer = 回答, passage = 文脈" in out
    assert "例.jsonl:13: The answer is empty." in out
    assert "例.jsonl:14: This line is not valid JSON" in out
    assert "<|im_end|>]]" in out
    assert "Fit to train on." in out


def test_the_command_fails_when_rows_would_be_cut(
    workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_rows(workplace / "a.jsonl", 12)
    tight = 'name = "x"\nbase = "base"\n[train]\nmax_tokens = 70\n[prompt]\nbudget_tokens = 60\n'
    (workplace / "tight.toml").write_text(tight)

    assert (
        main(["check", "--data", "a.jsonl", "--training", "tight.toml", "--json", "--progress"])
        == 1
    )
    printed = capsys.readouterr()
    steps = [json.loads(line) for line in printed.err.splitlines() if line.startswith("{")]
    assert {"cut", "embed", "rows"} <= {step["stage"] for step in steps}
    table = json.loads(printed.out)
    assert [found["kind"] for found in table["findings"] if found["level"] == "block"] == [
        "rows_cut"
    ]
    assert check_from_json(table).kept == 12


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--data", "none.csv"], "There is no file none.csv"),
        (["--data", "a.jsonl", "--map", "frage=x"], "There is no field frage"),
        (["--data", "a.jsonl", "--map", "question=x"], "no column x"),
        ([], "nothing to check"),
    ],
)
def test_the_command_says_what_is_wrong_in_one_line(
    workplace: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    write_rows(workplace / "a.jsonl", 2)

    assert main(["check", *arguments]) == 1
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


def test_an_unreadable_file_has_its_words_in_both_languages_in_json(
    workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (workplace / "a.json").write_text('[\n{"question": }]')

    assert main(["check", "--data", "a.json", "--json"]) == 1
    table = json.loads(capsys.readouterr().out)
    error = table["error"]
    assert table["state"] == "failed"  # so that no page takes it for a report
    assert error["kind"] == "json_malformed"
    assert error["values"]["line"] == 2
    assert "a.json は正しいJSONではありません（2行目" in error["ja"]


def test_the_command_reads_the_accepted_corrections_of_the_app(
    workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", "--feedback", "--rows", "0"]) == 1
    out = capsys.readouterr().out

    assert "feedback (layout: feedback): 0 rows kept, 0 rejected." in out
    assert "STOP: No row can be learned from." in out
    assert Config().state_dir.is_dir()
