"""Questions written for a passage that does not answer them: the files, and their use."""

import json
import re
from pathlib import Path
from random import Random

import pytest

from rag.datatypes import Progress
from training.datatypes import QAExample
from training.examples.read import read_examples
from training.examples.values import ReadExamples
from training.near_misses import read
from training.near_misses.examples import written_examples
from training.near_misses.read import passage_digest, questions_on_sets, written_passages
from training.span_reader import pairs
from training.span_reader.pairs import PairMaker
from training.span_reader.questions import SpanQuestion, read_span_questions

SETS = Path(__file__).resolve().parent.parent.parent / "shared" / "data" / "train"
PASSAGE = "The east gate opens at 7. The west gate opens at 9. The old mill is painted green."


def quiet(_: Progress) -> None:
    """Nobody watches."""


def test_a_passage_is_named_by_its_digest() -> None:
    assert passage_digest("abc") == "ba7816bf8f01cfea"  # FIPS 180-2, appendix B.1


def test_every_answer_in_a_written_passage_is_whole_and_short() -> None:
    passages = written_passages()

    assert {one.language for one in passages} == {"en", "ja"}
    for one in passages:
        for question in one.questions:
            if question.span:
                answer = one.text[slice(*question.span)]
                assert answer == answer.strip()
                assert 0 < len(answer) < 80, answer


def test_most_written_questions_have_no_answer_and_none_stands_twice_on_a_passage() -> None:
    groups = [*questions_on_sets().values(), *(one.questions for one in written_passages())]
    every = [question for group in groups for question in group]

    assert 0.6 < sum(question.span is None for question in every) / len(every) < 0.8
    for group in groups:
        assert len({question.text for question in group}) == len(group)


def test_no_passage_of_a_set_is_repeated_in_the_file_of_its_questions() -> None:
    lines = [json.loads(line) for line in read.OF_SETS.read_text(encoding="utf-8").splitlines()]

    assert all(re.fullmatch(r"[0-9a-f]{16}", line["passage"]) for line in lines)
    assert all(set(line) == {"passage", "not_answered", "answered"} for line in lines)


@pytest.mark.skipif(not SETS.is_dir(), reason="needs the training sets")
def test_written_answers_lie_inside_passages_of_the_training_sets() -> None:
    on_sets = questions_on_sets()
    found = 0
    for file in ("squad-v1.1-train-part.json.gz", "jaquad-train.json.gz"):
        passages = {one.passage for one in read_examples(SETS / file).examples}
        for passage in passages:
            for question in on_sets.get(passage_digest(passage), ()):
                found += 1
                if question.span:
                    assert passage[slice(*question.span)].strip()
                    assert question.span[1] <= len(passage)
    assert found > 1000


def written(*, span: tuple[int, int]) -> SpanQuestion:
    """A question on the gates."""
    return SpanQuestion("When can I come in from the west?", "en", PASSAGE, *span, ())


@pytest.fixture
def only_written(monkeypatch: pytest.MonkeyPatch) -> None:
    for share in ("RECORD_SHARE", "INSTRUCTION_SHARE", "HEADING_SHARE"):
        monkeypatch.setattr(pairs, share, 0.0)
    monkeypatch.setattr(pairs, "WRITTEN_SHARE", 1.0)


@pytest.mark.usefixtures("only_written")
def test_written_questions_have_an_answer_about_as_often_as_not() -> None:
    """Else the style of those who wrote them would tell that there is none."""
    place = PASSAGE.index("9")
    asked = [written(span=(0, 0)), written(span=(0, 0)), written(span=(place, place + 1))]
    maker = PairMaker(asked[2:], asked, Random(0))

    made = [maker.pair(asked[2]) for _ in range(1000)]

    assert sum(pair is not None and pair.span is None for pair in made) / 1000 == pytest.approx(
        0.55, abs=0.05
    )


@pytest.mark.usefixtures("only_written")
def test_a_written_question_keeps_its_answer_wherever_its_passage_is_cut() -> None:
    place = PASSAGE.index("9")
    one = written(span=(place, place + 1))
    maker = PairMaker([one], [one], Random(0))

    made = [pair for _ in range(30) if (pair := maker.pair(one)) and pair.text in PASSAGE]

    assert made
    assert {pair.text[slice(*pair.span)] for pair in made if pair.span} == {"9"}


@pytest.mark.usefixtures("only_written")
def test_a_written_question_without_an_answer_is_asked_over_its_own_passage() -> None:
    one = written(span=(0, 0))
    maker = PairMaker([one], [one], Random(0))

    made = [pair for _ in range(30) if (pair := maker.pair(one))]

    assert all(pair.span is None and pair.text in PASSAGE for pair in made)
    assert any(pair.text == PASSAGE for pair in made)


def test_questions_written_for_held_out_passages_are_only_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files: list[Path] = []
    for words, asked in (("House {n} opens at {n}.", "When?"), ("第{n}棟は{n}時に開く。", "何時?")):
        paragraphs = []
        for n in range(50):
            context = words.format(n=n)
            answers = [{"text": str(n), "answer_start": context.index(str(n))}]
            qas = [{"question": asked, "answers": answers}]
            paragraphs.append({"context": context, "qas": qas})
        files.append(tmp_path / f"{len(files)}.json")
        files[-1].write_text(json.dumps({"data": [{"title": "", "paragraphs": paragraphs}]}))
    first, last = (passage_digest(f"House {n} opens at {n}.") for n in (0, 49))
    lines = [
        {"passage": digest, "not_answered": ["Who paints it?"], "answered": [["When?", 6, 7]]}
        for digest in (first, last)
    ]
    (tmp_path / "written.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    monkeypatch.setattr(read, "OF_SETS", tmp_path / "written.jsonl")

    questions = read_span_questions(files, 0, quiet)

    on_houses = [one for one in questions.written if one.passage.startswith("House")]
    assert [(one.text, one.start, one.end) for one in on_houses] == [
        ("Who paints it?", 0, 0), ("When?", 6, 7),
    ]  # fmt: skip
    assert {one.passage for one in questions.written_held_out} == {"House 49 opens at 49."}
    assert len(questions.written) > len(on_houses)  # those on whole documents come along


def test_an_answerer_gets_the_written_questions_on_passages_of_its_files_and_on_documents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = PASSAGE.index("9")
    line = {
        "passage": passage_digest(PASSAGE),
        "not_answered": ["Who?"],
        "answered": [["When?", place, place + 1]],
    }
    (tmp_path / "written.jsonl").write_text(json.dumps(line), encoding="utf-8")
    monkeypatch.setattr(read, "OF_SETS", tmp_path / "written.jsonl")
    known = QAExample("East?", "7", "en", "f:1", passage=PASSAGE, group="Gates")

    examples = written_examples([ReadExamples("f", (known,), (), "SQuAD", {})]).examples

    on_passage = [one for one in examples if one.passage == PASSAGE]
    assert [(one.question, one.answer, one.quote, one.group) for one in on_passage] == [
        ("Who?", "", "", "Gates"), ("When?", "9", "The west gate opens at 9.", "Gates"),
    ]  # fmt: skip
    documents = examples[len(on_passage) :]
    assert len(documents) == sum(len(one.questions) for one in written_passages())
    assert all(one.answer in one.passage for one in documents)
