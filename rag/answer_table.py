"""What programs are shown of hits and answers: plain tables for JSON. Their keys are a contract."""

from dataclasses import asdict
from typing import Any

from rag.datatypes import Answer, Hit


def hit_table(hit: Hit) -> dict[str, Any]:
    """Return a retrieved passage with its scores."""
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


def passage_table(hit: Hit) -> dict[str, Any]:
    """Return a passage with its scores and the headings above it."""
    return {**hit_table(hit), "heading": hit.chunk.heading}


def answer_table(answer: Answer) -> dict[str, Any]:
    """Return an answer with its sources and all that was found for it."""
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
        "hits": [hit_table(hit) for hit in answer.hits],
        "tokens": asdict(answer.usage),
        "timings": asdict(answer.timings),
        "model_id": answer.model_id,
        "index_id": answer.index_id,
        "completion": answer.completion,
    }
