"""The commands that put a question to the index: search, ask."""

import argparse
from threading import Event

from rag.answer_table import answer_table, hit_table
from rag.cli.printing import load_engine, place, print_json
from rag.config import Config
from rag.datatypes import EVERYWHERE, Answer, SearchFilter, Token


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
                "hits": [hit_table(hit) for hit in hits],
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
        print_json(answer_table(answer))
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
