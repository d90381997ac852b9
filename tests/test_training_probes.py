"""Probing a model without passages: values by hand, or computed a second way."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.tiny_causal import save_tiny_causal
from training.datatypes import QAExample
from training.evaluation.probes import (
    Prober,
    TermItem,
    few_shot_prompt,
    make_term_items,
    mean_loss,
    rank_of,
)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for each other make tiny models slower."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = save_tiny_causal(tmp_path_factory.mktemp("models") / "tiny")
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return model.eval(), AutoTokenizer.from_pretrained(folder)


def example(question: str, answer: str, language: Any = "en", *answers: str) -> QAExample:  # noqa: ANN401
    return QAExample(question, answer, language, "by hand", answers=answers)


def test_the_log_probability_of_a_term_is_the_sum_over_its_tokens(tiny: tuple[Any, Any]) -> None:
    import torch

    model, tokenizer = tiny
    prompt, terms = "質問:休館日は?\n回答:", ["月曜", "Monday morning", "火"]

    scores = Prober(model, tokenizer).log_probabilities(prompt, terms)

    for term, score in zip(terms, scores, strict=True):
        # One token after another, each from a text of its own that ends before it.
        ids = tokenizer(prompt)["input_ids"]
        total = 0.0
        for token in tokenizer(term)["input_ids"]:
            logits = model(torch.tensor([ids])).logits[0, -1]
            total += float(logits[token]) - math.log(float(logits.double().exp().sum()))
            ids.append(token)
        assert score == pytest.approx(total, abs=1e-3)


def test_the_probabilities_of_all_next_letters_add_up_to_one(tiny: tuple[Any, Any]) -> None:
    model, tokenizer = tiny
    letters = [chr(code) for code in range(32, 127)]

    scores = Prober(model, tokenizer).log_probabilities("Question", letters)

    assert sum(map(math.exp, scores)) <= 1
    assert max(scores) < 0


def test_a_term_that_is_no_better_than_others_takes_the_worst_of_their_ranks() -> None:
    assert rank_of([-1.0, -2.0, -3.0], right=0) == 1
    assert rank_of([-2.0, -1.0, -3.0], right=0) == 2
    assert rank_of([-2.0, -2.0, -2.0], right=0) == 3


def test_a_few_shot_prompt_ends_where_the_answer_begins() -> None:
    shots = [example("When?", "in May"), example("Who?", "staff")]

    assert few_shot_prompt(shots, "Where?", "en") == (
        "Question: When?\nAnswer: in May\n\nQuestion: Who?\nAnswer: staff\n\n"
        "Question: Where?\nAnswer:"
    )
    assert few_shot_prompt([example("いつ?", "五月", "ja")], "誰が?", "ja") == (
        "質問:いつ?\n回答:五月\n\n質問:誰が?\n回答:"
    )


def test_distractors_are_the_answers_to_other_questions_and_never_a_right_one() -> None:
    examples = [
        example("Deadline?", "14 days", "en", "14 days", "fourteen days"),
        example("How many?", "14"),  # part of the right one
        example("Written out?", "Fourteen Days"),  # also right
        example("Who?", "the staff"),
        example("Where?", "Room 3"),
        example("Unknown?", ""),
        example("期限は?", "14日", "ja"),
    ]

    items = make_term_items(examples, seed=0)

    assert len(items) == 6
    assert items[0].right == "14 days"
    assert set(items[0].distractors) == {"the staff", "Room 3"}
    assert items[-1] == TermItem("期限は?", "ja", "14日", ())
    assert len(make_term_items(examples, seed=0, distractors=1)[3].distractors) == 1
    assert make_term_items(examples, seed=0) == items


def test_the_mean_loss_is_over_tokens_and_not_over_blocks(tiny: tuple[Any, Any]) -> None:
    import torch

    model, tokenizer = tiny
    long, short = (tokenizer(text)["input_ids"] for text in ("The loan ends in May.", "貸"))

    losses = []
    for block in (long, short):
        ids = torch.tensor([block])
        losses.append(float(model(input_ids=ids, labels=ids).loss))  # transformers' own mean

    counts = [len(long) - 1, len(short) - 1]
    expected = (losses[0] * counts[0] + losses[1] * counts[1]) / sum(counts)
    assert mean_loss(model, [long, short]) == pytest.approx(expected, rel=1e-5)
    assert mean_loss(model, [long, short]) != pytest.approx(sum(losses) / 2, rel=1e-3)


def test_a_model_that_read_the_answers_knows_them_and_one_that_did_not_does_not(
    tmp_path: Path,
) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = save_tiny_causal(tmp_path / "tiny")
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    asked = [
        example("休館日は?", "月曜", "ja", "月曜", "月曜日"),
        example("貸出は?", "二週", "ja"),
        example("Fee?", "300 yen"),
        example("Door?", "blue"),
    ]
    before = Prober(model, tokenizer).probe((), asked, seed=0)

    texts = [
        tokenizer(few_shot_prompt((), one.question, one.language) + gap + one.answer + "\n")
        for one, gap in zip(asked, ("", "", " ", " "), strict=True)
    ]
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(30):
        for text in texts:
            ids = torch.tensor([text["input_ids"]])
            model(input_ids=ids, labels=ids).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    after = Prober(model, tokenizer).probe((), asked, seed=0)

    assert before.exact == (0, 0, 0, 0)
    assert after.exact == (1, 1, 1, 1)
    assert after.answers == ("月曜", "二週", "300 yen", "blue")
    assert after.ranks == (1, 1, 1, 1)
