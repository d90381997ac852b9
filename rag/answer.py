"""Question to answer: retrieve, prompt, generate, check; abstain without evidence."""

import time
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from threading import Event
from typing import cast

from rag.cite import check_answer, pointed_at, quotable_evidence, quote_answer
from rag.config import EXTRACTIVE, Config
from rag.datatypes import (
    Answer,
    AnswerSource,
    EvidenceLevel,
    Hit,
    Language,
    Progress,
    Prompt,
    PromptStyle,
    Timings,
    Token,
    Usage,
)
from rag.errors import QuestionError
from rag.evidence import rank_sentences
from rag.evidence_score import evidence_score
from rag.follow_up import rewrite
from rag.language import detect_language
from rag.neighbours import join_neighbours
from rag.prompt import NOT_FOUND, build_prompt, says_not_found
from rag.protocols import Generator
from rag.retrieve import Retriever

_INVENTED_PASSAGE = "\n\n["  # the model has answered and goes on to write passages of its own


def prompt_over(
    question: str,
    language: Language,
    hits: Sequence[Hit],
    retriever: Retriever,
    style: PromptStyle,
    budget_tokens: int,
    count_tokens: Callable[[Prompt], int],
) -> Prompt:
    """Return the prompt that asks ``question`` over ``hits``, when serving and when training.

    Raises:
        ValueError: no hits.
    """
    similarity = retriever.similarity_to(question, language)
    hits = retriever.read(question, language, hits)
    score = round(evidence_score(question, hits, retriever.lexical.term_weight), 4)
    passages_read = len(hits)

    def prompt(hits: Sequence[Hit]) -> Prompt:
        read = hits if style.evidence_sentences else join_neighbours(hits)
        evidence = rank_sentences(question, read, similarity)
        return build_prompt(question, language, read, budget_tokens, count_tokens, evidence, style)

    drafted = prompt(hits)
    while drafted.token_count > budget_tokens and len(hits) > 1:  # neighbours too long as one
        hits = hits[:-1]
        drafted = prompt(hits)
    return replace(
        drafted, evidence_score=score, passages_read=passages_read, budget_tokens=budget_tokens
    )


def answer_pieces(
    generator: Generator, prompt: Prompt, max_new_tokens: int, stop: Event
) -> Iterator[str]:
    """Yield the pieces that a model writes, up to where it goes on with passages of its own.

    Once it has begun to say "not found", the rest is known and takes as long as an answer.
    """
    written = ""
    for piece in generator.stream(prompt, max_new_tokens, stop):
        written += piece
        if _INVENTED_PASSAGE in written:
            return
        yield piece
        if says_not_found(written):
            return


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
    documents: int = 0  # that the retriever searches

    def answer(
        self,
        question: str,
        stop: Event,
        history: Sequence[str] = (),
        progress: Callable[[Progress], None] = lambda step: None,
    ) -> Iterator[Token | Answer]:
        """Yield the tokens of a draft, then exactly one `Answer`, last.

        The answer may differ from the draft: sentences without support are left out, and a
        draft without any is replaced by the best sentences, quoted.

        Args:
            question: as `clean_question` returns it.
            stop: set it to end the answer soon.
            history: the earlier questions of the conversation, newest last; a question that
                leans on them is rewritten before anything else is done with it.
            progress: called when a step begins: "search" with the number of documents as its
                total, "read" with that of the passages which the model is shown.

        Raises:
            ModelError: the answer model cannot be loaded.
        """
        language = detect_language(question)
        searched = rewrite(question, history, language)
        for event in self._answer(searched, language, stop, progress):
            if isinstance(event, Answer):
                event = replace(event, question=question, searched=searched)
            yield event

    def _answer(
        self,
        question: str,
        language: Language,
        stop: Event,
        progress: Callable[[Progress], None],
    ) -> Iterator[Token | Answer]:
        started = time.perf_counter()
        progress(Progress("search", 0, self.documents))
        hits = self._look_up(question, language)
        timings = Timings(retrieve_ms=_milliseconds(started))
        evidence = evidence_score(question, hits, self.retriever.lexical.term_weight)
        unanswered = self._unanswered(question, language, hits, evidence)
        if stop.is_set() or not self._is_worth_reading(evidence, hits):
            timings = replace(timings, total_ms=_milliseconds(started))
            yield replace(_stopped_or_not(unanswered, stop), timings=timings)
            return
        generator = self.load_generator(language)
        prompt = self._prompt(question, language, hits, generator)
        progress(Progress("read", 0, len(prompt.hits)))
        pieces: list[str] = []
        for piece in answer_pieces(generator, prompt, self.config.max_new_tokens, stop):
            if not pieces:
                timings = replace(timings, first_token_ms=_milliseconds(started))
            pieces.append(piece)
            if piece:
                yield Token(piece)
        unanswered = _stopped_or_not(unanswered, stop)
        answer = _conclude(unanswered, prompt, pieces, generator.model_id)
        yield replace(answer, timings=replace(timings, total_ms=_milliseconds(started)))

    def leads_to(self, question: str, path: str, start: int, end: int) -> bool:
        """Tell whether this is answered from those words of a document. No model writes for it.

        It is when the evidence is strong and the best sentence stands in that span: over partial
        evidence the model may still say "not found".
        """
        language = detect_language(question)
        hits = self._look_up(question, language)
        evidence = evidence_score(question, hits, self.retriever.lexical.term_weight)
        if not self._is_worth_reading(evidence, hits) or self._evidence_level(evidence) != "strong":
            return False
        best = rank_sentences(question, hits[: self.config.max_passages])[0]
        return best.path == path and best.start < end and start < best.end

    def _look_up(self, question: str, language: Language) -> list[Hit]:
        hits = self.retriever.retrieve(question, language, self.config.top_k)
        return self.retriever.read(question, language, hits)

    def _prompt(
        self, question: str, language: Language, hits: Sequence[Hit], generator: Generator
    ) -> Prompt:
        read = hits[: generator.style.max_passages or self.config.max_passages]
        room = generator.context_tokens - self.config.max_new_tokens
        return prompt_over(
            question,
            language,
            read,
            self.retriever,
            generator.style,
            min(self.config.prompt_tokens, room),
            generator.count_prompt_tokens,
        )

    def _unanswered(
        self, question: str, language: Language, hits: Sequence[Hit], evidence: float
    ) -> Answer:
        """Return the answer as long as nothing is known but the hits."""
        return Answer(
            question=question,
            language=language,
            status="no_evidence",
            text=NOT_FOUND[language],
            source="none",
            citations=(),
            hits=tuple(hits),
            prompt=None,
            completion="",
            usage=Usage(),
            timings=Timings(),
            model_id="",
            index_id=self.index_id,
            evidence=round(evidence, 4),
            evidence_level=self._evidence_level(evidence),
            documents_searched=self.documents,
        )

    def _is_worth_reading(self, evidence: float, hits: Sequence[Hit]) -> bool:
        has_cosines = any(hit.vector_score is not None for hit in hits)
        config = self.config
        least = config.min_evidence_percent if has_cosines else config.min_evidence_words_percent
        return bool(hits) and 100 * evidence >= least

    def _evidence_level(self, evidence: float) -> EvidenceLevel:
        if 100 * evidence >= self.config.strong_evidence_percent:
            return "strong"
        return "partial" if 100 * evidence >= self.config.partial_evidence_percent else "weak"


def _stopped_or_not(unanswered: Answer, stop: Event) -> Answer:
    """Return the answer without a word of its own where the reader pressed stop."""
    return replace(unanswered, text="", is_stopped=True) if stop.is_set() else unanswered


def _conclude(unanswered: Answer, prompt: Prompt, pieces: Sequence[str], model_id: str) -> Answer:
    """Return the answer that the checks leave of a completion, or the best sentences quoted."""
    completion = "".join(pieces)
    answer = replace(
        unanswered,
        prompt=prompt,
        completion=completion,
        usage=Usage(prompt.token_count, len(pieces)),
        model_id=model_id,
    )
    if says_not_found(completion):
        return answer
    checked, source = check_answer(prompt, completion), "model"
    if model_id == EXTRACTIVE or not checked.text:
        pointed = pointed_at(prompt, completion) if model_id != EXTRACTIVE else ()
        checked = quote_answer(quotable_evidence(prompt), pointed, prompt.hits)
        source = "quote"
    if not checked.text:
        return answer
    return replace(
        answer,
        status="answered",
        text=checked.text,
        source=cast(AnswerSource, source),
        citations=checked.citations,
    )


def _milliseconds(since: float) -> float:
    return round((time.perf_counter() - since) * 1000, 1)
