import pytest

from rag.datatypes import Chunk, Hit, Prompt, PromptStyle
from rag.evidence import rank_sentences
from rag.prompt import build_prompt, says_not_found, template_hash


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
            "Answer with a few words from the numbered passages and name the passage.",
        ),
        (
            "user",
            "[1] The museum opens at 9:00 and is closed on Mondays.\n\n"
            "Question: On which day is the museum closed?",
        ),
        ("assistant", "Mondays [1]"),
        (
            "user",
            "[1] Helmets are free of charge.\n\n[2] Every bicycle costs 300 yen an hour.\n\n"
            "Question: What does a bicycle cost?",
        ),
        ("assistant", "300 yen an hour [2]"),
        (
            "user",
            "[1] (A > B) Passage number 1.\n\n[2] (A > B) Passage number 2.\n\nQuestion: When?",
        ),
    ]
    assert prompt.template_hash == template_hash(PromptStyle())


def test_a_japanese_question_is_asked_in_japanese() -> None:
    prompt = build_prompt("いつ？", "ja", hits(1), 10_000, characters)

    assert "番号の付いた文章" in prompt.messages[0].content
    assert prompt.messages[-1].content.endswith("質問: いつ？")


def test_only_the_best_sentences_are_shown_under_the_number_of_their_passage() -> None:
    texts = ("The office is red. It opens at nine.", "Cats sleep.", "Opening takes an hour.")
    passages = [Hit(n, Chunk(f"{n}.md", 0, len(t), t), 1.0) for n, t in enumerate(texts, 1)]
    evidence = rank_sentences("When does it open?", passages)

    prompt = build_prompt(
        "When does it open?", "en", passages, 10_000, characters, evidence, PromptStyle(2)
    )

    assert prompt.messages[-1].content == (
        "[1] It opens at nine.\n\n[2] Opening takes an hour.\n\nQuestion: When does it open?"
    )
    assert [hit.chunk.path for hit in prompt.hits] == ["1.md", "3.md"]
    assert prompt.evidence[0].text == "It opens at nine."
    assert prompt.shown_sentences == 2


@pytest.mark.parametrize("budget", [400, 440, 480, 600, 1000])
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


def test_a_tuned_model_is_asked_without_worked_examples() -> None:
    bare = PromptStyle(has_examples=False)

    prompt = build_prompt("When?", "en", hits(1), 10_000, characters, style=bare)

    assert [message.role for message in prompt.messages] == ["system", "user"]
    usual = build_prompt("When?", "en", hits(1), 10_000, characters)
    assert prompt.messages == (usual.messages[0], usual.messages[-1])
    assert prompt.template_hash == template_hash(bare) != template_hash(PromptStyle())


@pytest.mark.parametrize(
    ("completion", "expected"),
    [
        ("Not found in your documents.", True),
        (" not found in your docs", True),  # a model in 4 bits, on its way
        ("文書の中に見つかりませんでtsh", True),
        ("Not founded by him", False),
        ("Nothing [1]", False),
        ("", False),
    ],
)
def test_half_of_the_words_tell_that_nothing_was_found(completion: str, expected: bool) -> None:
    assert says_not_found(completion) is expected
