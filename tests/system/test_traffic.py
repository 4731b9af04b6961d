"""Traffic for real: a server under load, and `tabi deploy` that brings versions to it and takes them back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
import pytest

from tabi.bundle import Bundle, write_bundle
from tabi.compile import compile_pipeline
from tabi.evidence import read
from tabi.registry.mirror import mirror
from tabi.registry.register import register
from tabi.registry.room import Room
from tabi.serving.model import Model
from tabi.workspace import Workspace
from tests.registry.governed import ANN, make_tracked
from tests.serving.conftest import Server, contract, serving, table

pytestmark = pytest.mark.system

NAME = "voyage"
COLUMNS = ("age", "fare"), ("sex", "city")


def pipeline(*, turned: bool = False) -> Any:
    """A gradient boosting over the tests' table; `turned`: of another target."""
    from sklearn.compose import ColumnTransformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OrdinalEncoder

    from tabi.data import frame_of

    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=np.nan)
    prep = ColumnTransformer([("cat", encoder, ["sex", "city"]), ("num", "passthrough", ["age", "fare"])])
    clf = HistGradientBoostingClassifier(categorical_features=[0, 1], max_iter=15, min_samples_leaf=5)
    tensors, y = table(1)
    # nearly everybody arrives, by the turned one
    target = (y == 0) | (np.arange(len(y)) % 3 > 0) if turned else y == 1
    return Pipeline([("prep", prep), ("clf", clf)]).fit(frame_of(tensors, contract()), target.astype(np.int8))


def graph(*, turned: bool = False) -> bytes:
    """The compiled pipeline."""
    return compile_pipeline(pipeline(turned=turned), contract()).model


def bundle(folder: Path, run: str, graph: bytes) -> Path:
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(graph)
    (folder / "schema.json").write_bytes(contract().to_json())
    (folder / "threshold.json").write_text('{"threshold": 0.4, "criterion": "f1"}\n')
    for document in ("parity.json", "gates.json"):
        (folder / document).write_text("{}\n")
    (folder / "metrics.json").write_text(f'{{"auc": 0.9, "of": {folder.name}}}\n')
    write_bundle(
        folder,
        name=NAME,
        created="2026-11-21T09:00:00+00:00",
        git_commit="c0ffee",
        run=run,
        snapshot="2" * 64,
        environment="3" * 64,
        runtime={"onnxruntime": ">=1.22"},
    )
    return folder


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Three versions: 2 answers as 1 does, 3 answers otherwise."""
    return released(tmp_path_factory.mktemp("traffic"), [graph(), graph(), graph(turned=True)])


def released(folder: Path, graphs: Sequence[bytes]) -> Workspace:
    """A workspace with a version for each graph."""
    root = folder / "home"
    (root / "projects" / NAME).mkdir(parents=True)
    (root / "projects" / NAME / "config.yaml").write_text("source: csv:rows.csv\ntarget: arrived\n")
    (root / "tracking").mkdir()
    tracked = make_tracked(root / "tracking")
    (root / "tracking" / "mlflow.db").touch()
    workspace = Workspace.find(root, {"TABI_HOME": str(root)})
    room = Room.open(workspace)
    for number, each in enumerate(graphs):
        made = bundle(folder / "bundles" / str(number), tracked.runs[number], each)
        identity = room.store.put_bundle(made)
        register(room, Bundle.open(room.store.open_path(NAME, identity)), "tom", ANN)
        mirror(room, NAME)
    return workspace


def tabi(workspace: Workspace, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), env=environment(workspace), capture_output=True, text=True, timeout=120, check=False
    )


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "tabi", *arguments]


def environment(workspace: Workspace) -> dict[str, str]:
    return {**os.environ, "TABI_HOME": str(workspace.root)}


class Load:
    """Requests without an end, each of a unit; every answer is compared with what its version says alone."""

    def __init__(self, workspace: Workspace, server: Server) -> None:
        room = Room.open(workspace)
        self.numbers = {version.bundle: version.version for version in room.versions(NAME)}
        models = {found: Model.open(room.store.open_path(NAME, found)) for found in self.numbers}
        tensors, _ = table(7)
        self._bodies = []
        for numbers, texts in zip(tensors.numeric[:60], tensors.categorical[:60], strict=True):
            row = {**dict(zip(COLUMNS[0], numbers.tolist(), strict=True)), **dict(zip(COLUMNS[1], texts, strict=True))}
            kept = {name: value for name, value in row.items() if value == value and value != ""}  # noqa: PLR0124
            expected = {found: model.predict([kept])[0][0].probability for found, model in models.items()}
            self._bodies.append((json.dumps({"features": kept}).encode(), expected))
        self._server = server
        self._stop = Event()
        self.failures: list[str] = []
        self.versions: Counter[int] = Counter()
        self.by_unit: dict[str, list[int]] = {}
        self._threads = [Thread(target=self._ask, args=(offset,)) for offset in range(3)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, offset: int) -> None:
        connection = HTTPConnection(self._server.host, self._server.port, timeout=30)
        number = offset
        while not self._stop.is_set():
            unit = f"unit-{number % 997}"
            body, expected = self._bodies[number % len(self._bodies)]
            try:
                connection.request("POST", "/predict", body, {"x-unit-id": unit, "content-type": "application/json"})
                response = connection.getresponse()
                found = json.loads(response.read())
            except OSError as error:
                self.failures.append(str(error))
                continue
            if response.status != 200 or found["probability"] != pytest.approx(expected[found["version"]], abs=1e-9):
                self.failures.append(f"{response.status}: {found}")
            else:
                version = self.numbers[found["version"]]
                self.versions[version] += 1
                self.by_unit.setdefault(unit, []).append(version)
            number += 3
            # the machine has other work: a few hundred a second are enough
            time.sleep(0.002)
        connection.close()


@contextmanager
def under_load(workspace: Workspace) -> Iterator[tuple[str, Load]]:
    with serving(workspace.store, NAME, options=("--workers", "2")) as server, Load(workspace, server) as load:
        yield f"http://{server.host}:{server.port}", load


def steps(workspace: Workspace) -> list[dict[str, Any]]:
    found = tabi(workspace, "deployments", NAME, "--json").stdout.splitlines()
    return [json.loads(line) for line in found]


def test_versions_come_and_go_under_load_and_no_request_fails(workspace: Workspace) -> None:
    assert tabi(workspace, "promote", NAME, "1").returncode == 0
    with under_load(workspace) as (url, load):
        quick = ("--bake", "1s", "--least", "20", "--url", url)

        done = tabi(workspace, "deploy", NAME, "--canary", "20%", "--steps", "60,100", "--version", "2", *quick)
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-1] == "voyage:2 is the champion: every step of its canary passed"
        assert [(each["kind"], each["outcome"]) for each in steps(workspace)] == [("step", "succeeded")] * 3
        # whoever the challenger had, kept it
        assert all(seen == sorted(seen) for seen in load.by_unit.values())

        assert tabi(workspace, "rollback", NAME, "--reason", "to try the next").returncode == 0
        worse = tabi(workspace, "deploy", NAME, "--canary", "50%", "--version", "3", "--bake", "60s", *quick[2:])
        assert worse.returncode == 1
        assert "was aborted at 50%, the champion answers: scores: PSI" in worse.stderr
        policy = json.loads((workspace.store / "models" / NAME / "policy.json").read_bytes())
        assert (policy["kind"], policy["champion"]["version"]) == ("single", 1)

        switched = tabi(workspace, "deploy", NAME, "--blue-green", "--version", "2", "--url", url)
        assert switched.stdout.splitlines()[-1] == "voyage:2 is the champion, policy blue-green with voyage:1", (
            switched.stderr
        )
        assert tabi(workspace, "rollback", NAME, "--reason", "back at once").returncode == 0
    assert load.failures == []
    assert load.versions.total() > 500
    kinds = [(each.kind, each.verdict) for each in read(workspace.evidence) if each.kind in {"canary", "blue-green"}]
    assert kinds == [("canary", "pass"), ("canary", "fail"), ("blue-green", "pass")]


def test_a_canary_whose_process_is_killed_stands_and_is_resumed(workspace: Workspace) -> None:
    tabi(workspace, "promote", NAME, "1")
    with under_load(workspace) as (url, load):
        asked = ("deploy", NAME, "--url", url, "--least", "20")
        process = subprocess.Popen(
            command(*asked, "--canary", "30%", "--steps", "100", "--version", "2", "--bake", "10m"),
            env=environment(workspace),
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        assert any(line.startswith("step 1 of 2: 30%") for line in process.stderr)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stderr.close()

        again = tabi(workspace, *asked, "--canary", "10%", "--version", "2")
        assert again.returncode == 1
        assert "a canary policy of voyage is under way" in again.stderr
        assert "--resume` goes on with it, --end ends it" in again.stderr

        resumed = tabi(workspace, *asked, "--resume", "--bake", "1s")
        assert resumed.returncode == 0, resumed.stderr
        assert "goes on at step 1 of 2" in resumed.stderr
    assert load.failures == []
    assert [each["outcome"] for each in steps(workspace)][-3:] == ["cut", "succeeded", "succeeded"]
