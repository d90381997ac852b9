"""The commands that put a question to the index: search, ask."""

import argparse
from dataclasses import asdict
from threading import Event
from typing import Any

from rag.cli.printing import load_engine, place, print_json
from rag.config import Config
from rag.datatypes import EVERYWHERE, Answer, Hit, SearchFilter, Token


def run_search(arguments: argparse.Namespace, config: Config) -> int:
    """Show the best passages for a question."""
    import time

    from rag.answer import clean_question
    from rag.language import detect_language

    question = clean_question(arguments.question, config.max_question_chars)
    search_filter = _filter_of(arguments)
    engine = load_engine(config)
    engine.index_status()  # opening the index is not part of the search time
    started = time.perf_counter()
    hits = engine.search(question, arguments.k, search_filter)
    milliseconds = round((time.perf_counter() - started) * 1000, 1)
    if arguments.json:
        print_json(
            {
                "query": question,
                "language": detect_language(question),
                "hits": [_hit_table(hit) for hit in hits],
                "timings": {"retrieve_ms": milliseconds},
            }
        )
        return 0
    for hit in hits:
        print(f"{hit.rank:3} {place(hit.chunk.path, hit.chunk.page)}  {hit.score:.4f}")
        print(f"    {' '.join(hit.chunk.text.split())[:160]}")
    if not hits:
        print(f"No passage{_within(search_filter)} shares a term with this question.")
    return 0


def run_ask(arguments: argparse.Namespace, config: Config) -> int:
    """Answer a question, with its sources."""
    answer: Answer | None = None
    search_filter = _filter_of(arguments)
    engine = load_engine(config)
    for event in engine.ask(arguments.question, Event(), search_filter, arguments.after):
        if not isinstance(event, Token):
            answer = event
    assert answer is not None  # the protocol of RagEngine.ask: exactly one Answer, last
    if arguments.json:
        print_json(_answer_table(answer))
        return 0
    if answer.searched != answer.question:
        print(f"Searched for: {answer.searched}")
    print(answer.text)
    for citation in answer.citations:
        print(f"  [{citation.n}] {place(citation.path, citation.page)}: {citation.quote}")
    if answer.status == "no_evidence":
        within = _within(search_filter)
        print(f"Closest passages{within}:" if answer.hits else f"No passage{within} comes close.")
        for hit in answer.hits[:3]:
            text = " ".join(hit.chunk.text.split())[:120]
            print(f"  - {place(hit.chunk.path, hit.chunk.page)}: {text}")
    return 0


def _filter_of(arguments: argparse.Namespace) -> SearchFilter:
    from rag.filters import parse_day

    return SearchFilter(
        arguments.collection,
        tuple(arguments.path),
        tuple(arguments.type),
        parse_day(arguments.since) if arguments.since is not None else None,
        parse_day(arguments.until) if arguments.until is not None else None,
    )


def _within(search_filter: SearchFilter) -> str:
    return "" if search_filter == EVERYWHERE else " within these limits"


def _hit_table(hit: Hit) -> dict[str, Any]:
    chunk = hit.chunk
    return {
        "rank": hit.rank,
        "score": round(hit.score, 6),
        "path": chunk.path,
        "page": chunk.page,
        "start": chunk.start,
        "end": chunk.end,
        "text": chunk.text,
        "lexical_score": hit.lexical_score,
        "vector_score": hit.vector_score,
        "rerank_score": hit.rerank_score,
    }


def _answer_table(answer: Answer) -> dict[str, Any]:
    return {
        "question": answer.question,
        "searched": answer.searched,
        "language": answer.language,
        "status": answer.status,
        "answer": answer.text,
        "source": answer.source,
        "evidence": answer.evidence,
        "evidence_level": answer.evidence_level,
        "citations": [asdict(citation) for citation in answer.citations],
        "hits": [_hit_table(hit) for hit in answer.hits],
        "tokens": asdict(answer.usage),
        "timings": asdict(answer.timings),
        "model_id": answer.model_id,
        "index_id": answer.index_id,
        "completion": answer.completion,
    }
