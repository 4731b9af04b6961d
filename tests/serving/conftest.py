"""Tiny real bundles in a real store, and real servers over them."""

from __future__ import annotations

import http.client
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from tabi.bundle import write_bundle
from tabi.contract import CategoricalColumn, Contract, NumericColumn, Target, Tensors
from tabi.serving.messages import Row
from tabi.serving.settings import Settings
from tabi.serving.worker import Worker
from tabi.store import Store

STOP_LIMIT_S = 20
SEXES = ("female", "male")
CITIES = ("Kyoto", "Ōsaka", "東京")
ROW: Row = {"age": 39, "fare": 7.25, "sex": "male", "city": "東京"}


def contract(*, strict: bool = False) -> Contract:
    columns = (
        NumericColumn("age", nullable=not strict, minimum=0, maximum=120),
        CategoricalColumn("sex", SEXES),
        NumericColumn("fare"),
        CategoricalColumn("city", CITIES),
    )
    return Contract("voyage", columns, Target("arrived", ("no", "yes")), strict=strict)


def table(seed: int) -> tuple[Tensors, npt.NDArray[np.int8]]:
    """300 rows of which a tenth of the cells is missing, and their target."""
    random = np.random.default_rng(seed)
    numeric = np.column_stack([random.uniform(1, 90, 300), random.exponential(30, 300)])
    texts = np.column_stack([random.choice(SEXES, 300), random.choice(CITIES, 300)]).astype(object)
    score = numeric[:, 0] - 0.5 * numeric[:, 1] + 20 * (texts[:, 0] == "male") + random.normal(0, 10, 300)
    y = (score > 40).astype(np.int8)
    numeric[random.random(numeric.shape) < 0.1] = np.nan
    texts[random.random(texts.shape) < 0.1] = ""
    return Tensors(numeric, texts), y


def native(seed: int) -> Any:
    """A fitted gradient boosting with native categories and missing values."""
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OrdinalEncoder

    from tabi.data import frame_of

    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=np.nan)
    prep = ColumnTransformer([("cat", encoder, ["sex", "city"]), ("num", "passthrough", ["age", "fare"])])
    clf = HistGradientBoostingClassifier(categorical_features=[0, 1], max_iter=15, min_samples_leaf=5)
    tensors, y = table(seed)
    return Pipeline([("prep", prep), ("clf", clf)]).fit(frame_of(tensors, contract()), y)


def logistic(seed: int) -> Any:
    """A fitted logistic regression over imputed and one-hot columns: its numbers can overflow."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    from tabi.data import frame_of

    number = Pipeline([("impute", SimpleImputer()), ("scale", StandardScaler())])
    text = Pipeline(
        [
            ("impute", SimpleImputer(strategy="most_frequent")),
            ("encode", OneHotEncoder(handle_unknown="ignore", sparse_output=False)),
        ]
    )
    prep = ColumnTransformer([("num", number, ["age", "fare"]), ("cat", text, ["sex", "city"])])
    tensors, y = table(seed)
    # in units so small that 1e308 is infinite once it is scaled
    small = Tensors(tensors.numeric / 1000, tensors.categorical)
    return Pipeline([("prep", prep), ("clf", LogisticRegression())]).fit(frame_of(small, contract()), y)


def make_bundle(folder: Path, name: str, graph: bytes, of: Contract) -> Path:
    """Write a whole bundle around a graph."""
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(graph)
    (folder / "schema.json").write_bytes(of.to_json())
    if of.target.task == "binary":
        (folder / "threshold.json").write_text('{"threshold": 0.4, "criterion": "f1"}\n')
    for document in ("metrics.json", "parity.json", "gates.json"):
        (folder / document).write_text("{}\n")
    write_bundle(
        folder,
        name=name,
        created="2026-11-21T09:00:00+00:00",
        git_commit="c0ffee",
        run="1",
        snapshot="2" * 64,
        environment="3" * 64,
        runtime={"onnxruntime": ">=1.22"},
    )
    return folder


@dataclass(frozen=True)
class Harbour:
    """A store with four models: voyage, newer (its next version), strict and linear."""

    store: Store
    graph: bytes
    older: str
    newer: str

    def path(self, name: str = "voyage", version: str | None = None) -> Path:
        return self.store.open_path(name, version)


def _fill(root: Path, scratch: Path) -> Harbour:
    from tabi.compile import compile_pipeline

    store = Store(root)

    def release(name: str, pipeline: Any, of: Contract) -> tuple[str, bytes]:
        graph = compile_pipeline(pipeline, of).model
        folder = make_bundle(scratch / f"{name}-{len(list(scratch.iterdir()))}", name, graph, of)
        identity = store.put_bundle(folder)
        store.set_latest(name, identity, store.latest(name))
        return identity, graph

    newer, _ = release("voyage", native(2), contract())
    older, graph = release("voyage", native(1), contract())
    release("strict", native(1), contract(strict=True))
    release("linear", logistic(1), contract())
    return Harbour(store, graph, older, newer)


@pytest.fixture(scope="session")
def harbour(tmp_path_factory: pytest.TempPathFactory) -> Harbour:
    """Only to be read. `latest` of voyage is its older version, so that a test can reload the newer one."""
    # imported first: only libraries that are there already are limited
    import sklearn.ensemble  # noqa: F401
    from threadpoolctl import threadpool_limits

    # OpenMP's threads wait for each other on a busy machine longer than these fits take
    with threadpool_limits(1):
        return _fill(tmp_path_factory.mktemp("store"), tmp_path_factory.mktemp("bundles"))


@pytest.fixture(scope="session")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store of a model of every other task, as `task_bundles` has them. Only to be read."""
    from tests.serving.task_bundles import fill

    return fill(tmp_path_factory.mktemp("tasks") / "store", tmp_path_factory.mktemp("bundles"))


@pytest.fixture
def own_harbour(harbour: Harbour, tmp_path: Path) -> Harbour:
    """A copy that a test may change."""
    import shutil

    shutil.copytree(harbour.store.root, tmp_path / "store")
    return Harbour(Store(tmp_path / "store"), harbour.graph, harbour.older, harbour.newer)


@dataclass(frozen=True)
class Server:
    """A real server process; `admin_port` is 0 where it has none."""

    process: subprocess.Popen[str]
    host: str
    port: int
    admin_port: int

    def connect(self, port: int | None = None) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.host, port or self.port, timeout=30)

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        port: int | None = None,
    ) -> tuple[int, dict[str, str], Any]:
        """Status, headers (lower case) and decoded body of one request on a connection of its own."""
        connection = self.connect(port)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            text = response.read()
            return response.status, found, json.loads(text) if text and "json" in found["content-type"] else text
        finally:
            connection.close()

    def operate(self, method: str, path: str, headers: dict[str, str] | None = None) -> tuple[int, dict[str, str], Any]:
        """As `ask`, by the admin port."""
        return self.ask(method, path, None, headers, self.admin_port)

    def stop(self) -> tuple[int, str, str]:
        """Send SIGTERM; exit code, stdout and stderr."""
        self.process.terminate()
        out, err = self.process.communicate(timeout=STOP_LIMIT_S)
        return self.process.returncode, out, err


@contextmanager
def serving(
    store: Path, *refs: str, options: Sequence[str] = (), begin: Sequence[str] = (), **environment: str
) -> Iterator[Server]:
    """A server process on free ports; `begin` in place of `python -m tabi`. None is left afterwards.

    It writes its prediction log and evidence into the store's folder, if the environment names no other.
    """
    ours = {"TABI_PREDICTIONS": str(store / "predictions"), "TABI_EVIDENCE": str(store / "evidence")}
    process = subprocess.Popen(
        [*(begin or (sys.executable, "-m", "tabi")), "serve", *refs, "--port", "0", *options],
        env={**os.environ, "TABI_STORE": str(store), **ours, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        # what could not be loaded may be told before
        said = next((line for line in process.stdout if line.startswith("serving ")), "")
        words = [word.rstrip(")") for word in said.split() if word.startswith("http://")]
        if not words:
            process.kill()
            pytest.fail(f"the server did not start: {said}{process.communicate()[1]}")
        host, _, port = words[0].removeprefix("http://").partition(":")
        admin = re.search(r"operators: http://[^:]+:(\d+)", said)
        yield Server(process, host, int(port), int(admin[1]) if admin else 0)
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.communicate(timeout=STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


@pytest.fixture(scope="session")
def server(harbour: Harbour) -> Iterator[Server]:
    """A real server of voyage. Only to be read: no test may reload it."""
    with serving(harbour.store.root, "voyage") as running:
        yield running


Ask = Callable[..., tuple[int, dict[str, str], Any]]


# the port by which requests inside this process come, and by which operators come
PORT, ADMIN_PORT = 80, 81


def asking(worker: Worker) -> Ask:
    """Requests to an open worker inside this process, as an operator where `/reload` is asked."""
    import asyncio

    import httpx

    def ask(method: str, path: str, body: Any = None, headers: Any = None, port: int = 0) -> tuple[int, Any, Any]:
        port = port or (ADMIN_PORT if "/reload" in path else PORT)

        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(worker.door, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=f"http://tabi:{port}") as client:
                return await client.request(method, path, content=body, headers=headers)

        response = asyncio.run(send())
        is_json = response.content and response.headers["content-type"].endswith(("/json", "+json"))
        return response.status_code, dict(response.headers), response.json() if is_json else response.content

    return ask


MakeWorker = Callable[..., Worker]


@pytest.fixture
def make_worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeWorker]:
    """Workers inside this process, with their doors open; `load=False` leaves them without a model."""
    made: list[Worker] = []

    def make(store: Store, *refs: str, load: bool = True, **settings: Any) -> Worker:
        folder = tmp_path_factory.mktemp("shared")
        worker = Worker(Settings(refs=refs, store=store.root, **{"log": folder / "log", **settings}), folder)
        made.append(worker)
        if load:
            worker.load()
        worker.open(ADMIN_PORT)
        return worker

    yield make
    for worker in made:
        worker.close()


@pytest.fixture
def worker(harbour: Harbour, make_worker: MakeWorker) -> Worker:
    """A worker of voyage; a reload changes only this one."""
    return make_worker(harbour.store, "voyage")


@pytest.fixture
def ask(worker: Worker) -> Ask:
    """Requests to voyage inside this process."""
    return asking(worker)
