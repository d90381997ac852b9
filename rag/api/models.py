"""GET /v1/models: one model, whichever network answers behind it."""

import time
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from rag.api.chat_request import EXTENSION, MODEL
from rag.api.guard import Services
from rag.api.refusals import ApiError, json_response

_STARTED = int(time.time())  # the field wants a time, and this server is what was created


async def list_models(services: Services, request: Request) -> Response:
    """List the one model."""
    return json_response({"object": "list", "data": [_model_table(services)]})


async def show_model(services: Services, request: Request) -> Response:
    """Describe the model of that name."""
    if request.path_params["name"] != MODEL:
        raise ApiError(404, f"There is one model here, {MODEL!r}.", "model_not_found", "model")
    return json_response(_model_table(services))


def _model_table(services: Services) -> dict[str, Any]:
    return {
        "id": MODEL,
        "object": "model",
        "created": _STARTED,
        "owned_by": "fumikura",
        EXTENSION: {"answer_model": services.engine.answer_model_id()},
    }
