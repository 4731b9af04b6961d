"""The other door: health, schema, reload and documentation, as a FastAPI app."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException

from tabi import __version__
from tabi.errors import TabiError
from tabi.serving.codec import encode
from tabi.serving.hot import request_id_of
from tabi.serving.messages import Health
from tabi.serving.openapi import PREFIX, describe, problem_responses
from tabi.serving.problems import CONTENT_TYPE as PROBLEM
from tabi.serving.problems import problem_for_status, problem_of
from tabi.serving.slot import Slot

_HEALTH: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"schema": {"$ref": PREFIX.format(name="Health")}}}}
}


def create_pages(slot: Slot) -> FastAPI:
    """The FastAPI app over one slot."""
    app = FastAPI(title="Tabi", version=__version__, description="Predictions of one released model.")
    _add_routes(app, slot)
    app.add_exception_handler(TabiError, _on_tabi_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(Exception, _on_tabi_error)

    def openapi() -> dict[str, Any]:
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        # the model may have been swapped since the last call, so nothing is kept
        return describe(document, slot.model.contract)

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own documented way
    return app


def _add_routes(app: FastAPI, slot: Slot) -> None:
    def health() -> Response:
        """Say which version answers; 503 while there is none."""
        model = slot.model
        return _json(Health("ok", model.name, model.version))

    for path in ("/health", "/healthz"):
        app.get(path, tags=["operate"], responses={**_HEALTH, **problem_responses(503)}, name=path[1:])(health)

    @app.get("/schema", tags=["predict"], responses=problem_responses(503))
    def schema() -> Response:
        """The contract: the columns that a row has, and the reference distribution of each."""
        return Response(slot.model.schema, media_type="application/json")

    @app.post("/reload", tags=["operate"], responses={**_HEALTH, **problem_responses(404, 409)})
    def reload(path: str | None = None) -> Response:
        """Load what the server's reference means now, or one bundle of its store by `path`. Failing keeps the old."""
        model = slot.load() if path is None else slot.load_path(path)
        return _json(Health("ok", model.name, model.version))


def _json(message: object) -> Response:
    return Response(encode(message), media_type="application/json")


async def _on_tabi_error(request: Request, error: Exception) -> Response:
    request_id = request_id_of(request.scope)
    status, content = problem_of(error, request_id)
    return Response(content, status, {"x-request-id": request_id}, PROBLEM)


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  narrows the type that the registration fixes
    request_id = request_id_of(request.scope)
    content = problem_for_status(error.status_code, error.detail, request_id)
    return Response(content, error.status_code, {"x-request-id": request_id, **(error.headers or {})}, PROBLEM)
