"""Models of every kind of contract, and a real server that mounts the handlers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from tabi.contract import Contract, NumericColumn, Target
from tabi.serving.model import Model
from tabi.serving.protocols import invocations, oip
from tabi.serving.protocols.exchange import Request, Response
from tests.serving.conftest import Harbour, make_bundle, table

NUMBERS = Contract("numbers", (NumericColumn("age"), NumericColumn("fare")), Target("arrived", ("0", "1")))


@pytest.fixture(scope="session")
def voyage(harbour: Harbour) -> Model:
    """Mixed columns, lenient."""
    return Model.open(harbour.path())


@pytest.fixture(scope="session")
def strict(harbour: Harbour) -> Model:
    """The same columns, strict."""
    return Model.open(harbour.path("strict"))


@pytest.fixture(scope="session")
def linear(harbour: Harbour) -> Model:
    """Mixed columns, and numbers of which some overflow."""
    return Model.open(harbour.path("linear"))


@pytest.fixture(scope="session")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """Numeric columns only, and classes that are whole numbers."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    from tabi.compile import compile_pipeline
    from tabi.data import frame_of

    tensors, y = table(3)
    tensors = tensors._replace(categorical=np.empty((len(y), 0), dtype=object))
    with threadpool_limits(1):
        fitted = HistGradientBoostingClassifier(max_iter=10).fit(frame_of(tensors, NUMBERS), y)
    graph = compile_pipeline(fitted, NUMBERS).model
    return Model.open(make_bundle(tmp_path_factory.mktemp("bundle") / "numbers", "numbers", graph, NUMBERS))


class Mounted:
    """An ASGI app of the handlers, and of nothing else."""

    def __init__(self, *models: Model) -> None:
        self._models = {model.name: model for model in models}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "http"
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        found = self._route(scope["path"].strip("/").split("/"), Request(headers, "", body, "a-request"))
        told = {"content-type": found.content_type, "content-length": str(len(found.content)), **dict(found.headers)}
        raw = [(name.encode(), value.encode()) for name, value in told.items()]
        await send({"type": "http.response.start", "status": found.status, "headers": raw})
        await send({"type": "http.response.body", "body": found.content})

    def _route(self, path: list[str], request: Request) -> Response:
        match path:
            case ["v2"]:
                return Response(oip.server_metadata())
            case ["v2", "health", "live"]:
                return Response(oip.server_live())
            case ["v2", "health", "ready"]:
                return Response(oip.server_ready(ready=True))
            case ["ping"]:
                return invocations.ping(ready=True)
            case ["invocations"]:
                (model,) = self._models.values()
                return invocations.invoke(model, request, model.decide)
            case ["v2", "models", name, *rest] if name in self._models:
                model = self._models[name]
                if rest[:1] == ["versions"] and rest[1:2] == [model.version]:
                    rest = rest[2:]
                return self._of_model(model, rest, request)
        return Response(b'{"error":"not found"}', status=404)

    def _of_model(self, model: Model, rest: list[str], request: Request) -> Response:
        match rest:
            case []:
                return Response(oip.model_metadata(model))
            case ["ready"]:
                return Response(oip.model_ready(model.name, ready=True))
            case ["infer"]:
                return oip.infer(model, request, model.decide)
        return Response(b'{"error":"not found"}', status=404)


@pytest.fixture(scope="session")
def mount() -> Iterator[Callable[..., str]]:
    """Serve the handlers of some models with a real web server; its address, host and port."""
    import uvicorn

    running: list[tuple[uvicorn.Server, threading.Thread]] = []

    def start(*models: Model) -> str:
        config = uvicorn.Config(Mounted(*models), port=0, lifespan="off", log_level="warning")
        server = uvicorn.Server(config)
        sockets = [config.bind_socket()]
        thread = threading.Thread(target=server.run, args=(sockets,))
        thread.start()
        running.append((server, thread))
        host, port = sockets[0].getsockname()
        return f"{host}:{port}"

    yield start
    for server, thread in running:
        server.should_exit = True
        thread.join()
