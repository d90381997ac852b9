import pytest

from rag.datatypes import Chunk, Hit, Prompt
from rag.prompt import TEMPLATE_HASH, build_prompt


def hits(count: int) -> list[Hit]:
    return [
        Hit(n, Chunk("a.md", 0, 20, f"Passage\nnumber {n}.", heading="A > B"), 1.0)
        for n in range(1, count + 1)
    ]


def characters(prompt: Prompt) -> int:
    return sum(len(message.content) for message in prompt.messages)


def test_the_rendered_prompt_is_the_golden_text() -> None:
    prompt = build_prompt("When?", "en", hits(2), 10_000, characters)

    assert [(message.role, message.content) for message in prompt.messages] == [
        (
            "system",
            "Answer the question in one short sentence, using only the numbered passages.",
        ),
        (
            "user",
            "[1] (A > B) Passage number 1.\n\n[2] (A > B) Passage number 2.\n\nQuestion: When?",
        ),
    ]
    assert prompt.template_hash == TEMPLATE_HASH


def test_a_japanese_question_is_asked_in_japanese() -> None:
    prompt = build_prompt("いつ？", "ja", hits(1), 10_000, characters)

    assert prompt.messages[0].content.endswith("日本語で短く答えてください。")
    assert prompt.messages[1].content.endswith("質問: いつ？")


@pytest.mark.parametrize("budget", [160, 200, 250, 400, 1000])
def test_the_longest_prefix_of_hits_that_fits_is_kept(budget: int) -> None:
    fitting = [
        n
        for n in range(1, 11)
        if characters(build_prompt("When?", "en", hits(n), 10_000, characters)) <= budget
    ]

    prompt = build_prompt("When?", "en", hits(10), budget, characters)

    assert len(prompt.hits) == max(fitting)
    assert prompt.token_count == characters(prompt) <= budget


def test_the_first_passage_is_kept_even_when_it_is_too_long() -> None:
    assert len(build_prompt("When?", "en", hits(3), 1, characters).hits) == 1


def test_without_a_passage_there_is_no_prompt() -> None:
    with pytest.raises(ValueError, match="at least one passage"):
        build_prompt("When?", "en", [], 1000, characters)
