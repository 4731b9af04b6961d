"""The other door: what is asked rarely, as a FastAPI app that is imported with the first such request."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from tabi import __version__
from tabi.errors import NotFoundError, TabiError
from tabi.serving import messages
from tabi.serving.codec import encode
from tabi.serving.docs import docs_page
from tabi.serving.http.guard import Guard
from tabi.serving.messages import ModelList
from tabi.serving.models import Models
from tabi.serving.openapi import describe
from tabi.serving.places import refusal
from tabi.serving.problems import problem, problem_of
from tabi.serving.protocols import invocations, oip
from tabi.serving.served import Served

_SEVERAL = HTTPException(404, "this server has several models: ask below /models/NAME, as GET /models lists them")


def create_pages(models: Models, guard: Guard) -> FastAPI:
    """The FastAPI app. It stands behind the hot door, which gives each request its id."""
    app = FastAPI(title="Tabi", version=__version__, docs_url=None, redoc_url=None, openapi_url=None)
    app.router.redirect_slashes = False
    _add_models(app, models)
    _add_operation(app, models, guard)
    _add_servers(app, models)
    _add_protocols(app, models)
    _add_descriptions(app, models)
    app.add_exception_handler(TabiError, _on_error)
    app.add_exception_handler(HTTPException, _on_http_error)
    app.add_exception_handler(Exception, _on_error)
    return app


def _add_models(app: FastAPI, models: Models) -> None:
    @app.get("/models")
    async def listed() -> Response:
        return _json(ModelList(models.statuses))

    @app.get("/models/{name}")
    async def model(name: str) -> Response:
        return _json(models.named(name).status)

    @app.get("/models/{name}/schema")
    async def schema_of(name: str) -> Response:
        return _schema(models.named(name))

    @app.get("/schema")
    async def schema() -> Response:
        return _schema(_only(models))

    if models.only is None:
        for path in ("/predict", "/predict_batch", "/invocations", "/explain", "/feedback"):
            app.post(path)(_of_several)


async def _of_several() -> Response:
    raise _SEVERAL


def _add_operation(app: FastAPI, models: Models, guard: Guard) -> None:
    async def reload(request: Request, name: str | None) -> Response:
        refused = guard.refusal(request.scope, "reload", _id(request))
        if refused is not None:
            return _http(refused)
        unknown = [(f"query.{field}", "unknown_field") for field in request.query_params if field != "path"]
        if unknown:
            # a misspelt path must not load something else
            raise refusal("the query does not fit", unknown)
        path = request.query_params.get("path")
        if path is not None and name is None:
            name = _only(models).name
        return _json(await asyncio.to_thread(models.reload, name, path))

    @app.post("/reload")
    async def reload_all(request: Request) -> Response:
        return await reload(request, None)

    @app.post("/models/{name}/reload")
    async def reload_one(request: Request, name: str) -> Response:
        return await reload(request, name)


def _add_servers(app: FastAPI, models: Models) -> None:
    @app.get("/version")
    async def version() -> Response:
        return _http(invocations.version())

    @app.get("/v2")
    async def server() -> Response:
        return _json_bytes(oip.server_metadata())

    @app.get("/v2/health/live")
    async def live() -> Response:
        return _json_bytes(oip.server_live())

    @app.get("/v2/health/ready")
    async def ready() -> Response:
        found = models.readiness().status != "not_ready"
        return _json_bytes(oip.server_ready(ready=found), 200 if found else 503)


def _add_protocols(app: FastAPI, models: Models) -> None:
    @app.get("/v2/models/{name}")
    @app.get("/v2/models/{name}/versions/{version}")
    async def metadata(request: Request, name: str, version: str | None = None) -> Response:
        try:
            return _json_bytes(oip.model_metadata(_version(models, name, version).slot.model))
        except TabiError as error:
            return _http(oip.failure(error, _id(request)))

    @app.get("/v2/models/{name}/ready")
    @app.get("/v2/models/{name}/versions/{version}/ready")
    async def model_ready(request: Request, name: str, version: str | None = None) -> Response:
        try:
            found = _version(models, name, version).ready
        except TabiError as error:
            return _http(oip.failure(error, _id(request)))
        return _json_bytes(oip.model_ready(name, ready=found), 200 if found else 503)

    # of models that are there, the hot door answers
    @app.post("/v2/models/{name}/infer")
    @app.post("/v2/models/{name}/versions/{version}/infer")
    async def infer(request: Request, name: str) -> Response:
        try:
            models.named(name)
        except TabiError as error:
            return _http(oip.failure(error, _id(request)))
        raise HTTPException(404)


def _add_descriptions(app: FastAPI, models: Models) -> None:
    described = _Described(models)

    @app.get("/openapi.json")
    async def openapi() -> Response:
        return _json_bytes((await described.now()).document)

    @app.get("/docs")
    async def docs() -> Response:
        return _http((await described.now()).page)


class _Description(NamedTuple):
    """The document and its page, of certain versions."""

    versions: tuple[str | None, ...]
    document: bytes
    page: messages.Response


class _Described:
    """The description of the versions that answer now. It is long, so it is made once for them, and in a thread."""

    def __init__(self, models: Models) -> None:
        self._models = models
        self._last: _Description | None = None
        self._making = asyncio.Lock()

    async def now(self) -> _Description:
        async with self._making:
            versions = tuple(status.version for status in self._models.statuses)
            if self._last is None or self._last.versions != versions:
                self._last = await asyncio.to_thread(self._make, versions)
            return self._last

    def _make(self, versions: tuple[str | None, ...]) -> _Description:
        document = describe(self._models)
        return _Description(versions, encode(document), docs_page(document))


def _only(models: Models) -> Served:
    if models.only is None:
        raise _SEVERAL
    return models.only


def _version(models: Models, name: str, version: str | None) -> Served:
    served = models.named(name)
    if version is not None and served.slot.model.version != version:
        raise NotFoundError("this version of the model does not answer here: ask the model for its versions")
    return served


def _schema(served: Served) -> Response:
    return _json_bytes(served.slot.model.schema)


def _json(content: object) -> Response:
    return _json_bytes(encode(content))


def _json_bytes(content: bytes, status: int = 200) -> Response:
    return Response(content, status, media_type="application/json")


def _http(found: messages.Response) -> Response:
    return Response(found.content, found.status, dict(found.headers), found.content_type)


def _id(request: Request) -> str:
    found: str = request.state.request_id
    return found


async def _on_error(request: Request, error: Exception) -> Response:
    return _http(problem_of(error, _id(request)))


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  narrows the type that the registration fixes
    detail, headers = error.detail, dict(error.headers or {})
    if error.status_code == 404 and error is not _SEVERAL:
        detail = "this server has no such route: GET /docs lists them"
    elif allowed := headers.get("Allow"):
        detail = f"this route takes {allowed}"
        # the door asks for HEAD as it does for GET
        headers["Allow"] = "GET, HEAD" if allowed == "GET" else allowed
    return _http(problem(error.status_code, detail, _id(request), *headers.items()))
