"""The addresses that programs ask, beside the pages on the same port."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rag.api.chat import complete
from rag.api.guard import METHODS, Handler, Services, guarded
from rag.api.models import list_models, show_model
from rag.api.refusals import ApiError
from rag.api.search import search

_SERVED: tuple[tuple[str, str, Handler], ...] = (
    ("/v1/models", "GET", list_models),
    ("/v1/models/{name}", "GET", show_model),
    ("/v1/chat/completions", "POST", complete),
    ("/search", "POST", search),
)


def api_routes(find_services: Callable[[], Services]) -> list[Route]:
    """Return the routes. They are there while the setting ``api`` is off, too, and say so."""
    routes = [
        Route(path, guarded(find_services, method, handle), methods=METHODS)
        for path, method, handle in _SERVED
    ]
    return [*routes, Route("/v1/{rest:path}", _unknown, methods=METHODS)]


async def _unknown(request: Request) -> Response:
    """Refuse another address of OpenAI's; the pages would answer it with themselves."""
    served = ", ".join(f"{method} {path}" for path, method, _ in _SERVED)
    refusal = ApiError(404, f"There is nothing here. Programs may ask {served}.", "not_found")
    return refusal.response()
