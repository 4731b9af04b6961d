"""The other door: health, schema, reload and documentation, as a FastAPI app."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException

from tabi import __version__
from tabi.errors import TabiError
from tabi.serving.codec import encode
from tabi.serving.messages import Health
from tabi.serving.model import Model
from tabi.serving.openapi import PATH_PARAMETER, describe, problem_responses, reply
from tabi.serving.places import refusal
from tabi.serving.problems import CONTENT_TYPE as PROBLEM
from tabi.serving.problems import problem_for_status, problem_of
from tabi.serving.slot import Slot


def create_pages(slot: Slot) -> FastAPI:
    """The FastAPI app over one slot. It stands behind the hot door, which gives each request its id."""
    app = FastAPI(
        title="Tabi",
        version=__version__,
        description="Predictions of one released model.",
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        redirect_slashes=False,
    )
    _add_routes(app, slot)
    app.add_exception_handler(TabiError, _on_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(Exception, _on_error)

    def openapi() -> dict[str, Any]:
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        # the model may have been swapped since the last call, so nothing is kept
        return describe(document, slot.model.contract)

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own documented way
    return app


def _add_routes(app: FastAPI, slot: Slot) -> None:
    async def health() -> Response:
        """Say which version answers; 503 while there is none."""
        return _health(slot.model)

    answers = {200: reply("Health"), **problem_responses(503)}
    for name in ("health", "healthz"):
        app.get(f"/{name}", tags=["operate"], responses=answers, response_class=Response, operation_id=name)(health)

    answers = {200: reply("Contract"), **problem_responses(503)}

    @app.get("/schema", tags=["predict"], responses=answers, response_class=Response, operation_id="schema")
    async def schema() -> Response:
        """The contract: the columns that a row has, and the reference distribution of each."""
        return Response(slot.model.schema, media_type="application/json")

    answers = {200: reply("Health"), **problem_responses(404, 409, 422, 500)}

    @app.post(
        "/reload",
        tags=["operate"],
        responses=answers,
        response_class=Response,
        operation_id="reload",
        openapi_extra={"parameters": [PATH_PARAMETER]},
    )
    def reload(request: Request) -> Response:
        """Load what the server's reference means now, or one bundle of its store by `path`. Failing keeps the old."""
        query = request.query_params
        unknown = [(f"query.{name}", "unknown_field") for name in query if name != "path"]
        if unknown:
            # a misspelt path must not load something else
            raise refusal("the query does not fit", unknown)
        return _health(slot.load_path(query["path"]) if "path" in query else slot.load())


def _health(model: Model) -> Response:
    return Response(encode(Health("ok", model.name, model.version)), media_type="application/json")


async def _on_error(request: Request, error: Exception) -> Response:
    status, content = problem_of(error, request.state.request_id)
    return Response(content, status, media_type=PROBLEM)


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  narrows the type that the registration fixes
    content = problem_for_status(error.status_code, error.detail, request.state.request_id)
    return Response(content, error.status_code, error.headers, PROBLEM)
