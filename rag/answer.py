"""Question to answer: retrieve, prompt, generate, check; abstain without evidence."""

import time
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from threading import Event

from rag.cite import CheckedAnswer, check_answer, quote_answer
from rag.config import EXTRACTIVE, Config
from rag.datatypes import Answer, AnswerSource, Hit, Language, Prompt, Timings, Token, Usage
from rag.errors import QuestionError
from rag.evidence import evidence_score, rank_sentences
from rag.language import detect_language
from rag.prompt import build_prompt
from rag.protocols import Generator
from rag.retrieve import Retriever

# Below these an answer is not attempted. Fitted on training questions with and without their
# passage and on questions about other things; see docs/log.md. Words alone score lower.
MIN_EVIDENCE = 0.4
MIN_EVIDENCE_WORDS_ONLY = 0.3

_INVENTED_PASSAGE = "\n\n["  # the model has answered and goes on to write passages of its own

NOT_FOUND: dict[Language, str] = {
    "en": "Not found in your documents.",
    "ja": "文書の中に見つかりませんでした。",
    "other": "Not found in your documents.",
}


def clean_question(question: str, max_chars: int) -> str:
    """Return ``question`` without outer white space and control characters.

    Raises:
        QuestionError: nothing is left, or it is longer than ``max_chars``.
    """
    cleaned = "".join(
        " " if unicodedata.category(char) in {"Cc", "Cs"} else char for char in question
    ).strip()
    if not cleaned:
        raise QuestionError("The question is empty. Type what you want to know.")
    if len(cleaned) > max_chars:
        raise QuestionError(
            f"The question has {len(cleaned):,} characters; at most {max_chars:,} are read. "
            "Shorten it, or put the long text into a document and ask about that."
        )
    return cleaned


@dataclass(frozen=True, slots=True)
class Answerer:
    """One question at a time against one index snapshot."""

    config: Config
    index_id: str
    retriever: Retriever
    load_generator: Callable[[Language], Generator]  # called when there is something to read

    def answer(self, question: str, stop: Event) -> Iterator[Token | Answer]:
        """Yield the tokens of a draft, then exactly one `Answer`, last.

        The answer may differ from the draft: sentences without support are left out, and a
        draft without any is replaced by the best sentence, quoted.

        Raises:
            QuestionError: the question is empty or too long.
            ModelError: the answer model cannot be loaded.
        """
        started = time.perf_counter()
        question = clean_question(question, self.config.max_question_chars)
        language = detect_language(question)
        hits = self.retriever.retrieve(question, language, self.config.top_k)
        retrieve_ms = _milliseconds(started)
        run = _Run(question, language, tuple(hits), self.index_id, started, retrieve_ms)
        if stop.is_set() or not self._has_evidence(question, hits):
            yield run.abstain(is_stopped=stop.is_set())
            return
        generator = self.load_generator(language)
        read = hits[: self.config.max_passages]
        prompt = build_prompt(
            question,
            language,
            read,
            min(self.config.prompt_tokens, generator.context_tokens - self.config.max_new_tokens),
            generator.count_prompt_tokens,
            rank_sentences(question, read, self.retriever.similarity_to(question, language)),
            self.config.evidence_sentences,
        )
        pieces: list[str] = []
        first_token_ms: float | None = None
        for piece in generator.stream(prompt, self.config.max_new_tokens, stop):
            first_token_ms = first_token_ms or _milliseconds(started)
            pieces.append(piece)
            if _INVENTED_PASSAGE in "".join(pieces[-8:]):
                break
            if piece:
                yield Token(piece)
        yield run.conclude(prompt, "".join(pieces), len(pieces), first_token_ms, generator, stop)

    def _has_evidence(self, question: str, hits: Sequence[Hit]) -> bool:
        has_cosines = any(hit.vector_score is not None for hit in hits)
        least = MIN_EVIDENCE if has_cosines else MIN_EVIDENCE_WORDS_ONLY
        return evidence_score(question, hits, self.retriever.lexical.term_weight) >= least


@dataclass(frozen=True, slots=True)
class _Run:
    """What is known of a question before the model is asked."""

    question: str
    language: Language
    hits: tuple[Hit, ...]
    index_id: str
    started: float
    retrieve_ms: float

    def abstain(self, *, is_stopped: bool) -> Answer:
        return self._answer(CheckedAnswer("", ()), "none", None, "", Usage(), None, "", is_stopped)

    def conclude(
        self,
        prompt: Prompt,
        completion: str,
        completion_tokens: int,
        first_token_ms: float | None,
        generator: Generator,
        stop: Event,
    ) -> Answer:
        checked = check_answer(prompt, completion)
        source: AnswerSource = "model"
        if generator.model_id == EXTRACTIVE or not checked.text:
            checked, source = quote_answer(prompt.evidence), "quote"
        return self._answer(
            checked,
            source if checked.text else "none",
            prompt,
            completion,
            Usage(prompt.token_count, completion_tokens),
            first_token_ms,
            generator.model_id,
            stop.is_set(),
        )

    def _answer(
        self,
        checked: CheckedAnswer,
        source: AnswerSource,
        prompt: Prompt | None,
        completion: str,
        usage: Usage,
        first_token_ms: float | None,
        model_id: str,
        is_stopped: bool,
    ) -> Answer:
        return Answer(
            question=self.question,
            language=self.language,
            status="answered" if checked.text else "no_evidence",
            text=checked.text or ("" if is_stopped else NOT_FOUND[self.language]),
            source=source,
            citations=checked.citations,
            hits=self.hits,
            prompt=prompt,
            completion=completion,
            usage=usage,
            timings=Timings(self.retrieve_ms, first_token_ms, _milliseconds(self.started)),
            model_id=model_id,
            index_id=self.index_id,
            is_stopped=is_stopped,
        )


def _milliseconds(since: float) -> float:
    return round((time.perf_counter() - since) * 1000, 1)
