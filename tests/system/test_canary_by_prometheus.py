"""A canary that is judged by what the real Prometheus scraped: one goes on, one is ended by its errors."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from threading import Event, Thread

import onnx
import pytest
from onnx import TensorProto, helper

from tabi.deploy.canary.meter import Prometheus
from tabi.errors import DeployError
from tabi.evidence import read
from tests.serving.conftest import ROW, Server, serving
from tests.system.prometheus import prometheus
from tests.system.test_traffic import NAME, graph, released, tabi

pytestmark = pytest.mark.system

# of five rows one is older, and the faulty version answers none of these
AGES = (10, 20, 30, 40, 80)


def faulty(graph: bytes) -> bytes:
    """The same graph, in which a place beyond the end of a constant is looked up for everybody above 60."""
    model = onnx.load_from_string(graph)
    given: dict[str, tuple[list[float], int, list[int]]] = {
        "first": ([0], TensorProto.INT64, [1]),
        "old": ([60.0], TensorProto.DOUBLE, [1]),
        "far": ([1_000_000], TensorProto.INT64, [1]),
        "nothing": ([0.0], TensorProto.DOUBLE, [1]),
    }
    for name, (values, kind, shape) in given.items():
        model.graph.initializer.append(helper.make_tensor(name, kind, shape, values))
    (output,) = model.graph.output
    for node in model.graph.node:
        node.output[:] = ["sound" if each == output.name else each for each in node.output]
    model.graph.node.extend(
        [
            helper.make_node("Gather", ["numeric", "first"], ["age"], axis=1),
            helper.make_node("Greater", ["age", "old"], ["is_old"]),
            helper.make_node("Cast", ["is_old"], ["one"], to=TensorProto.INT64),
            helper.make_node("Mul", ["one", "far"], ["place"]),
            helper.make_node("Gather", ["nothing", "place"], ["zero"]),
            helper.make_node("Shape", ["sound"], ["shape"]),
            helper.make_node("Reshape", ["zero", "shape"], ["zeros"]),
            helper.make_node("Add", ["sound", "zeros"], [output.name]),
        ]
    )
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


@contextmanager
def asking(server: Server) -> Iterator[Counter[tuple[int, str]]]:
    """Requests of many units without an end; answers by status and arm."""
    found: Counter[tuple[int, str]] = Counter()
    over = Event()
    bodies = [json.dumps({"features": {**ROW, "age": age}}).encode() for age in AGES]

    def ask() -> None:
        connection = HTTPConnection(server.host, server.port, timeout=30)
        number = 0
        while not over.is_set():
            headers = {"x-unit-id": f"u{number}", "content-type": "application/json"}
            connection.request("POST", "/predict", bodies[number % len(bodies)], headers)
            response = connection.getresponse()
            response.read()
            found[response.status, response.headers.get("x-tabi-arm") or ""] += 1
            number += 1
            time.sleep(0.005)
        connection.close()

    thread = Thread(target=ask)
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()


def until_scraped(url: str) -> None:
    end = time.monotonic() + 30
    while True:
        try:
            Prometheus(NAME, url)
        except DeployError:
            assert time.monotonic() < end, "it was not scraped"
            time.sleep(0.1)
        else:
            return


def test_a_sound_version_goes_on_and_one_that_fails_is_taken_back(tmp_path: Path) -> None:
    sound = graph()
    workspace = released(tmp_path, [sound, sound, faulty(sound)])
    assert tabi(workspace, "promote", NAME, "1").returncode == 0
    with (
        serving(workspace.store, NAME) as server,
        prometheus(tmp_path, [f"{server.host}:{server.port}"]) as url,
        asking(server) as answers,
    ):
        with pytest.raises(DeployError, match="knows no server of nobody"):
            Prometheus("nobody", url)
        until_scraped(url)
        ask = (
            "deploy",
            NAME,
            "--bake",
            "1s",
            "--least",
            "20",
            "--prometheus",
            url,
            "--canary",
            "50%",
            "--steps",
            "100",
        )
        done = tabi(workspace, *ask, "--version", "2")
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-1] == f"{NAME}:2 is the champion: every step of its canary passed"
        assert {status for status, _ in answers} == {200}

        failed = tabi(workspace, *ask, "--version", "3")
        assert failed.returncode == 1, failed.stdout
        assert "was aborted at 50%, the champion answers: errors: " in failed.stderr
        # they came, and from the challenger alone
        assert {arm for status, arm in answers if status >= 500} == {"challenger"}
        policy = json.loads((workspace.store / "models" / NAME / "policy.json").read_bytes())
        assert (policy["kind"], policy["champion"]["version"]) == ("single", 2)
    kinds = [(each.verdict, len(each.figures["steps"])) for each in read(workspace.evidence) if each.kind == "canary"]
    assert kinds == [("pass", 2), ("fail", 1)]
