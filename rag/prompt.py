"""Turn a question and its hits into chat messages. Pure functions, no I/O.

Serving, calibration, training and evaluation all render with `build_prompt`, so that the
model is asked in the words it was taught with.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

from rag.datatypes import Evidence, Hit, Language, Message, Prompt, PromptStyle
from rag.evidence import stands_in

_WHOLE_PASSAGES = PromptStyle()
MAX_EVIDENCE = 12  # sentences kept for checking the answer

# What a model is taught to write when the passages do not say, and what a person then reads.
NOT_FOUND: dict[Language, str] = {
    "en": "Not found in your documents.",
    "ja": "文書の中に見つかりませんでした。",
    "other": "Not found in your documents.",
}

_SYSTEM: dict[Language, str] = {
    "en": "Answer with a few words from the numbered passages and name the passage.",
    "ja": "番号の付いた文章の言葉を使って短く答え、文章の番号を付けてください。",
    "other": "Answer in the language of the question with a few words from the numbered "
    "passages and name the passage.",
}
# Asks for nothing in particular (`unasked`).
_ANYTHING: dict[Language, str] = {
    "en": "What does it say?",
    "ja": "何と書いてありますか。",
    "other": "What does it say?",
}
_QUESTION: dict[Language, str] = {"en": "Question", "ja": "質問", "other": "Question"}

# Worked examples, as earlier turns of the same chat, teach a small model to answer in a few
# words and to name the passage (docs/log.md).
_Example = tuple[str, str, str]  # passages, question, answer
_ENGLISH_EXAMPLES: tuple[_Example, ...] = (
    (
        "[1] The museum opens at 9:00 and is closed on Mondays.",
        "On which day is the museum closed?",
        "Mondays [1]",
    ),
    (
        "[1] Helmets are free of charge.\n\n[2] Every bicycle costs 300 yen an hour.",
        "What does a bicycle cost?",
        "300 yen an hour [2]",
    ),
)
_EXAMPLES: dict[Language, tuple[_Example, ...]] = {
    "en": _ENGLISH_EXAMPLES,
    "ja": (
        (
            "[1] 博物館は9時に開き、毎週月曜日は休館です。",
            "博物館の休館日は何曜日ですか。",
            "月曜日 [1]",
        ),
        (
            "[1] ヘルメットは無料です。\n\n[2] 自転車は1時間300円で貸し出します。",
            "自転車はいくらで借りられますか。",
            "1時間300円 [2]",
        ),
    ),
    "other": _ENGLISH_EXAMPLES,
}


def says_not_found(completion: str) -> bool:
    """Tell whether a model wrote that the passages do not say, as it is taught to.

    Half of the words are enough: in 4 bits a model may lose its way before their end, and begin
    with a small letter.
    """
    said = completion.lstrip().casefold()
    return said.startswith(
        tuple(words[: len(words) // 2].casefold() for words in NOT_FOUND.values())
    )


@cache
def template_hash(style: PromptStyle) -> str:
    """Return what changes whenever a model would be asked in other words."""
    words = (_SYSTEM, _QUESTION, _EXAMPLES if style.has_examples else ())
    return hashlib.sha256(repr(words).encode()).hexdigest()[:12]


def build_prompt(
    question: str,
    language: Language,
    hits: Sequence[Hit],
    budget_tokens: int,
    count_tokens: Callable[[Prompt], int],
    evidence: Sequence[Evidence] = (),
    style: PromptStyle = _WHOLE_PASSAGES,
) -> Prompt:
    """Return the prompt over the longest prefix of ``hits`` that fits the budget.

    A prefix, not a knapsack: dropping a better hit to fit two worse ones would make the
    answer depend on chunk length instead of relevance. The first hit is always kept.

    Args:
        question: as asked.
        language: of the question, and of the answer.
        hits: best first.
        budget_tokens: for the whole rendered chat.
        count_tokens: tokens of a rendered prompt.
        evidence: sentences of ``hits`` that may back the answer, best first.
        style: with a number of sentences only so many of ``evidence`` are shown, and no
            passage without any.

    Raises:
        ValueError: no hits; without a passage the model must not be asked.
    """
    if not hits:
        raise ValueError("A prompt needs at least one passage.")
    shown = _focus(hits, evidence[: style.evidence_sentences])
    draft = Prompt(
        (),
        question,
        language,
        (),
        tuple(evidence[:MAX_EVIDENCE]),
        style.evidence_sentences,
        0,
        template_hash(style),
    )
    lead = _lead(language, style)
    low, high = 1, len(shown)
    best = _render(draft, lead, shown[:1], count_tokens)
    while low < high:  # the token count grows with every passage, so bisection finds the prefix
        middle = (low + high + 1) // 2
        candidate = _render(draft, lead, shown[:middle], count_tokens)
        if candidate.token_count <= budget_tokens:
            low, best = middle, candidate
        else:
            high = middle - 1
    return best


def unasked(prompt: Prompt) -> Prompt:
    """Return ``prompt`` with a question that asks for nothing in particular."""
    *before, last = prompt.messages
    content = last.content.removesuffix(prompt.question) + _ANYTHING[prompt.language]
    return replace(prompt, messages=(*before, Message(last.role, content)))


def _focus(hits: Sequence[Hit], sentences: Sequence[Evidence]) -> list[tuple[Hit, str]]:
    """Return the hits to show, each with the text to show of it."""
    if not sentences:
        return [(hit, hit.chunk.text) for hit in hits]
    in_reading_order = sorted(sentences, key=lambda sentence: sentence.start)
    texts = [
        (hit, " ".join(s.text for s in in_reading_order if stands_in(s, hit.chunk))) for hit in hits
    ]
    return [(hit, text) for hit, text in texts if text]


def _lead(language: Language, style: PromptStyle) -> tuple[Message, ...]:
    """Return the messages that come before the question."""
    messages = [Message("system", _SYSTEM[language])]
    for passages, question, answer in _EXAMPLES[language] if style.has_examples else ():
        messages += [_ask(passages, question, language), Message("assistant", answer)]
    return tuple(messages)


def _render(
    draft: Prompt,
    lead: tuple[Message, ...],
    shown: Sequence[tuple[Hit, str]],
    count_tokens: Callable[[Prompt], int],
) -> Prompt:
    """Return ``draft`` with the messages that ask its question over ``shown``."""
    passages = "\n\n".join(_passage(n, *entry) for n, entry in enumerate(shown, start=1))
    messages = (*lead, _ask(passages, draft.question, draft.language))
    rendered = replace(draft, messages=messages, hits=tuple(hit for hit, _ in shown))
    return replace(rendered, token_count=count_tokens(rendered))


def _ask(passages: str, question: str, language: Language) -> Message:
    return Message("user", f"{passages}\n\n{_QUESTION[language]}: {question}")


def _passage(n: int, hit: Hit, text: str) -> str:
    heading = f"({hit.chunk.heading}) " if hit.chunk.heading else ""
    return f"[{n}] {heading}{' '.join(text.split())}"
