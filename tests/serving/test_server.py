"""A real server process: what it imports, how it stops, and that neither company nor a reload changes an answer."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import struct
import sys
import time
from collections.abc import Iterator
from threading import Event, Thread
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tabi.serving.endpoints import INLINE_ROWS
from tests.serving.conftest import CITIES, ROW, SEXES, Harbour, Server, serving

FORBIDDEN = ("sklearn", "pandas", "mlflow", "scipy", "matplotlib", "pyarrow", "hydra", "onnx")

extremes = st.sampled_from([0.0, -0.0, 5e-324, 1e308, -1e308, 2**53 + 1, -(10**30), 119.99999999999999])
numbers = st.none() | st.integers(-5, 130) | st.floats(allow_nan=False, allow_infinity=False) | extremes
texts = st.sampled_from(["", " ", "12", "1e3", " 7 ", "nan", "1_000", "inf", "東京", "male", "MALE", "\0", "a:b"])
scalars = numbers | texts | st.text(max_size=5) | st.booleans()
rows = st.fixed_dictionaries(
    {},
    optional={
        "age": numbers | scalars,
        "fare": numbers | scalars,
        "sex": st.sampled_from(SEXES) | scalars,
        "city": st.sampled_from(CITIES) | scalars,
        "zone": scalars,
    },
)


@pytest.fixture(scope="module")
def connection(server: Server) -> Iterator[http.client.HTTPConnection]:
    connection = server.connect()
    yield connection
    connection.close()


def post(connection: http.client.HTTPConnection, path: str, content: object) -> tuple[int, Any]:
    connection.request("POST", path, json.dumps(content).encode())
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def bits(probability: float) -> bytes:
    return struct.pack("<d", probability)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(rows, min_size=1, max_size=40), st.integers(1, 40))
def test_a_row_alone_and_in_any_batch_is_answered_alike_to_the_last_bit(
    connection: http.client.HTTPConnection, batch: list[dict[str, Any]], times: int
) -> None:
    # repeated, the batch also reaches sizes at which the runtime works otherwise
    status, together = post(connection, "/predict_batch", {"rows": batch * times})
    assert status == 200
    assert len(together["predictions"]) == len(batch) * times
    for index, row in enumerate(batch):
        status, alone = post(connection, "/predict", {"features": row})
        assert status == 200
        for prediction in together["predictions"][index :: len(batch)]:
            assert bits(prediction["probability"]) == bits(alone["probability"])
            assert prediction["label"] == alone["label"]
        expected = [(w["path"].replace("features", f"rows[{index}]", 1), w["rule"]) for w in alone["warnings"]]
        told = [(w["path"], w["rule"]) for w in together["warnings"]]
        assert [place for place in told if place[0].startswith(f"rows[{index}].")] == expected or len(told) > 1000


def test_a_large_batch_goes_another_way_to_the_same_answers(server: Server) -> None:
    batch = [{"age": i % 90, "sex": SEXES[i % 2], "city": CITIES[i % 3]} for i in range(3000)]
    body = json.dumps({"rows": batch}).encode()
    assert len(body) > INLINE_ROWS
    status, _, large = server.ask("POST", "/predict_batch", body)
    assert status == 200
    small = server.ask("POST", "/predict_batch", json.dumps({"rows": batch[:100]}).encode())[2]
    assert large["predictions"][:100] == small["predictions"]


def test_a_broken_body_leaves_the_connection_usable(connection: http.client.HTTPConnection) -> None:
    connection.request("POST", "/predict", b"{" * 100_000)
    response = connection.getresponse()
    assert (response.status, response.read()[:1]) == (422, b"{")
    assert post(connection, "/predict", {"features": ROW})[0] == 200


def test_a_body_in_pieces_is_one_body(server: Server) -> None:
    body = json.dumps({"features": ROW}).encode()
    connection = server.connect()
    connection.request("POST", "/predict", iter([body[:9], b"", body[9:20], body[20:]]), encode_chunked=True)
    pieces = json.loads(connection.getresponse().read())
    connection.close()
    assert pieces["probability"] == server.ask("POST", "/predict", body)[2]["probability"]


def test_a_client_that_goes_away_harms_nobody(server: Server) -> None:
    for sent in (b"", b'{"features":', b"x" * 200_000):
        with socket.create_connection((server.host, server.port)) as client:
            client.sendall(b"POST /predict HTTP/1.1\r\nHost: tabi\r\nContent-Length: 300000\r\n\r\n" + sent)
    assert server.ask("POST", "/predict", json.dumps({"features": ROW}).encode())[0] == 200


# the real command in a process that tells at its end what it has imported
TELLING = "import sys; from tabi.cli.main import main\ntry: main()\nfinally: print('modules', *sys.modules)"


def test_a_server_that_answered_every_route_has_imported_no_training_library_and_stops_clean(harbour: Harbour) -> None:
    with serving(harbour.store.root, "voyage", begin=(sys.executable, "-c", TELLING)) as server:
        assert server.ask("GET", "/health")[0] == 200
        assert server.ask("GET", "/healthz")[0] == 200
        assert server.ask("GET", "/schema")[0] == 200
        assert server.ask("GET", "/docs")[0] == 200
        assert server.ask("GET", "/openapi.json")[0] == 200
        assert server.ask("POST", "/predict", json.dumps({"features": ROW}).encode())[0] == 200
        assert server.ask("POST", "/predict", b"{")[0] == 422
        assert server.ask("POST", "/predict_batch", json.dumps({"rows": [ROW] * 2000}).encode())[0] == 200
        assert server.operate("POST", "/reload")[0] == 200
        assert server.operate("POST", f"/reload?path={harbour.path('voyage', harbour.newer)}")[0] == 200
        assert server.ask("GET", "/metrics")[0] == 200
        code, out, err = server.stop()
    assert (code, err) == (0, "")
    modules = out.split("modules ", 1)[1].split()
    assert "onnxruntime" in modules
    assert {name.partition(".")[0] for name in modules} & set(FORBIDDEN) == set()


def test_a_signal_right_after_the_url_was_said_stops_it_clean(harbour: Harbour) -> None:
    with serving(harbour.store.root, "voyage") as server:
        server.process.send_signal(signal.SIGINT)
        _, err = server.process.communicate(timeout=20)
    assert (server.process.returncode, err) == (0, "")


def test_a_request_in_flight_is_answered_before_the_end(harbour: Harbour) -> None:
    body = json.dumps({"features": ROW}).encode()
    with serving(harbour.store.root, "voyage") as server:
        with socket.create_connection((server.host, server.port), timeout=30) as client:
            head = f"POST /predict HTTP/1.1\r\nHost: tabi\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            client.sendall(head + body[:10])
            time.sleep(0.3)
            server.process.terminate()
            with pytest.raises(ConnectionError):
                refused_within(server, 20)
            client.sendall(body[10:])
            answer = client.makefile("rb").read()
        _, err = server.process.communicate(timeout=20)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["version"] == harbour.older
    assert (server.process.returncode, err) == (0, "")


def refused_within(server: Server, seconds: float) -> None:
    """Connect until the server takes no more connections; its ConnectionError is let through."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        server.ask("GET", "/health")
        time.sleep(0.02)


class Caller(Thread):
    """A client that predicts the same row until it is told to stop."""

    def __init__(self, server: Server, stop: Event) -> None:
        super().__init__(daemon=True)
        self.answers: list[tuple[str, tuple[float, ...]]] = []
        self.failures: list[object] = []
        self._server = server
        self._until = stop

    def run(self) -> None:
        connection = self._server.connect()
        while not self._until.is_set():
            try:
                status, one = post(connection, "/predict", {"features": ROW})
                batch_status, many = post(connection, "/predict_batch", {"rows": [ROW] * 3})
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(error)
                return
            if (status, batch_status) != (200, 200):
                self.failures.append((one, many))
                continue
            self.answers.append((one["version"], (one["probability"],)))
            self.answers.append((many["version"], tuple(p["probability"] for p in many["predictions"])))
        connection.close()


def test_reloads_under_load_fail_no_request_and_mix_no_versions(harbour: Harbour) -> None:
    stop = Event()
    with serving(harbour.store.root, "voyage") as server:
        callers = [Caller(server, stop) for _ in range(8)]
        for caller in callers:
            caller.start()
        for version in [harbour.newer, harbour.older] * 10:
            status, _, now = server.operate("POST", f"/reload?path={harbour.path('voyage', version)}")
            assert (status, now["models"][0]["version"]) == (200, version)
            time.sleep(0.05)
        stop.set()
        for caller in callers:
            caller.join(30)
        assert server.stop()[0] == 0
    assert [failure for caller in callers for failure in caller.failures] == []
    answers = [answer for caller in callers for answer in caller.answers]
    found: dict[str, set[float]] = {}
    for version, probabilities in answers:
        found.setdefault(version, set()).update(probabilities)
    assert set(found) == {harbour.older, harbour.newer}
    # each version has one answer for the row, and another one than the other version
    assert [len(probabilities) for probabilities in found.values()] == [1, 1]
    assert found[harbour.older] != found[harbour.newer]
