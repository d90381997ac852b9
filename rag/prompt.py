"""Turn a question and its hits into chat messages. Pure functions, no I/O.

Serving, calibration, training and evaluation all render with `build_prompt`, so that the
model is asked in the words it was taught with.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace

from rag.datatypes import Hit, Language, Message, Prompt

_SYSTEM: dict[Language, str] = {
    "en": "Answer the question in one short sentence, using only the numbered passages.",
    "ja": "番号の付いた文章だけを使って、質問に日本語で短く答えてください。",
    "other": "Answer the question in its own language, in one short sentence, using only the "
    "numbered passages.",
}
_QUESTION: dict[Language, str] = {"en": "Question", "ja": "質問", "other": "Question"}

TEMPLATE_HASH = hashlib.sha256(repr((_SYSTEM, _QUESTION)).encode()).hexdigest()[:12]


def build_prompt(
    question: str,
    language: Language,
    hits: Sequence[Hit],
    budget_tokens: int,
    count_tokens: Callable[[Prompt], int],
) -> Prompt:
    """Return the prompt over the longest prefix of ``hits`` that fits the budget.

    A prefix, not a knapsack: dropping a better hit to fit two worse ones would make the
    answer depend on chunk length instead of relevance. The first hit is always kept.

    Raises:
        ValueError: no hits; without a passage the model must not be asked.
    """
    if not hits:
        raise ValueError("A prompt needs at least one passage.")
    low, high = 1, len(hits)
    best = _render(question, language, hits[:1], count_tokens)
    while low < high:  # the token count grows with every passage, so bisection finds the prefix
        middle = (low + high + 1) // 2
        candidate = _render(question, language, hits[:middle], count_tokens)
        if candidate.token_count <= budget_tokens:
            low, best = middle, candidate
        else:
            high = middle - 1
    return best


def _render(
    question: str,
    language: Language,
    hits: Sequence[Hit],
    count_tokens: Callable[[Prompt], int],
) -> Prompt:
    passages = "\n\n".join(_passage(n, hit) for n, hit in enumerate(hits, start=1))
    user = f"{passages}\n\n{_QUESTION[language]}: {question}"
    messages = (Message("system", _SYSTEM[language]), Message("user", user))
    draft = Prompt(messages, question, language, tuple(hits), 0, TEMPLATE_HASH)
    return replace(draft, token_count=count_tokens(draft))


def _passage(n: int, hit: Hit) -> str:
    heading = f"({hit.chunk.heading}) " if hit.chunk.heading else ""
    return f"[{n}] {heading}{' '.join(hit.chunk.text.split())}"
