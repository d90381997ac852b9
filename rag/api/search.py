"""POST /search: the best passages with their scores, without an answer."""

import time

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import Response

from rag.answer_table import passage_table
from rag.api.fields import FILTER_NAMES, Fields
from rag.api.guard import Services, read_table
from rag.api.refusals import json_response, refusal_of
from rag.datatypes import Hit, SearchFilter
from rag.errors import CrowdedError, RagError
from rag.language import detect_language

MAX_TOP_K = 100
_AT_ONCE = 2  # searches of programs; each takes milliseconds, so that they have no line
_MAX_WAITING = 50
_limiter = CapacityLimiter(_AT_ONCE)


async def search(services: Services, request: Request) -> Response:
    """Return the passages for a query."""
    fields = Fields(await read_table(request))
    fields.refuse_others(("query", "top_k", *FILTER_NAMES))
    query = fields.text("query")
    top_k = fields.whole("top_k", 1, MAX_TOP_K, services.config.top_k)
    search_filter = fields.search_filter()
    waiting = _limiter.statistics().tasks_waiting
    if waiting >= _MAX_WAITING:
        raise CrowdedError(f"{waiting} searches are waiting already. Ask again in a moment.")
    started = time.perf_counter()
    try:
        hits = await to_thread.run_sync(
            _hits, services, query, top_k, search_filter, limiter=_limiter
        )
    except RagError as error:
        return refusal_of(error, "query").response()
    seconds = time.perf_counter() - started
    return json_response(
        {
            "object": "list",
            "query": query,
            "language": detect_language(query),
            "passages": [passage_table(hit) for hit in hits],
            "timings": {"search_ms": round(1000 * seconds, 1)},
        }
    )


def _hits(services: Services, query: str, top_k: int, search_filter: SearchFilter) -> list[Hit]:
    return services.engine.search(query, top_k, search_filter)
