"""Bodies of any length in bounded memory, and good traffic beside every kind of abuse."""

from __future__ import annotations

import io
import json
import socket
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.serving.conftest import CITIES, SEXES, Harbour, Server, harbour, serving
from tests.serving.http.raw import ask, request

__all__ = ["harbour"]

pytestmark = pytest.mark.system

ROWS = 100_000
# beside what the server has with a model: a second process with the model, the body, what is made of it, the answer,
# and the log's lines of a part
GROWTH_MB = 350
# At most twice the p99 without abuse, which docs/evidence/abuse.md shows on a quiet machine. On one that is not, a few
# rounds cannot tell: there it is an error where somebody waits longer than this as well.
MOST_MS = 25.0
STREAM, PARQUET = "application/vnd.apache.arrow.stream", "application/vnd.apache.parquet"


@pytest.fixture
def server(harbour: Harbour) -> Iterator[Server]:
    with serving(harbour.store.root, "voyage") as running:
        yield running


def memory_mb(server: Server, field: str) -> float:
    """Of the worker and its process of large requests. VmRSS: now; VmHWM: the most so far of each."""
    children = Path(f"/proc/{server.process.pid}").glob("task/*/children")
    family = [str(server.process.pid), *(pid for found in children for pid in found.read_text().split())]
    return sum(_memory_of(pid, field) for pid in family)


def _memory_of(pid: str, field: str) -> float:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return int(next(line for line in lines if line.startswith(field)).split()[1]) / 1024


def table(count: int) -> list[dict[str, Any]]:
    return [
        {"age": index % 90, "fare": index / 7, "sex": SEXES[index % 2], "city": CITIES[index % 3]}
        for index in range(count)
    ]


def bodies(rows: list[dict[str, Any]]) -> dict[str, tuple[str, bytes]]:
    """The same rows in every form."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {name: [row[name] for row in rows] for name in rows[0]}
    arrow, stream, file = pa.Table.from_pylist(rows), io.BytesIO(), io.BytesIO()
    with pa.ipc.new_stream(stream, arrow.schema) as writer:
        writer.write_table(arrow)
    pq.write_table(arrow, file)
    return {
        "rows": ("application/json", json.dumps({"rows": rows}).encode()),
        "columns": ("application/json", json.dumps({"columns": columns}).encode()),
        "lines": ("application/x-ndjson", b"".join(json.dumps(row).encode() + b"\n" for row in rows)),
        "arrow": (STREAM, stream.getvalue()),
        "parquet": (PARQUET, file.getvalue()),
    }


def test_100_000_rows_of_every_form_have_the_same_answers_in_bounded_memory(
    harbour: Harbour, record_property: Any
) -> None:
    found: dict[str, list[Any]] = {}
    for form, (kind, body) in bodies(table(ROWS)).items():
        with serving(harbour.store.root, "voyage") as server:
            before = memory_mb(server, "VmRSS")
            answer = ask(server, request(target="/predict_batch", headers=(f"Content-Type: {kind}",), body=body))
            assert answer.status == 200
            grown = memory_mb(server, "VmHWM") - before
            record_property(f"{form} MB", round(grown))
            print(f"{form}: a body of {len(body) / 1e6:.0f} MB, memory grew by {grown:.0f} MB")
            assert grown < GROWTH_MB, form
            decoded = (
                [json.loads(line) for line in answer.body.splitlines()]
                if form == "lines"
                else answer.json()["predictions"]
            )
            found[form] = [(each["label"], each["probability"]) for each in decoded]
    assert len(found["rows"]) == ROWS
    assert all(each == found["rows"] for each in found.values())


def test_lines_without_end_take_no_memory(server: Server) -> None:
    piece = b"".join(json.dumps(row).encode() + b"\n" for row in table(1000))
    chunk = b"%x\r\n%b\r\n" % (len(piece), piece)
    count = 300_000_000 // len(piece)
    with socket.create_connection((server.host, server.port), timeout=60) as client:
        received = [0]

        def read() -> None:
            while data := client.recv(1 << 20):
                received[0] += data.count(b"\n")

        reading = Thread(target=read)
        client.sendall(request(target="/predict_batch", body=b"", length=False, headers=(
            "Content-Type: application/x-ndjson", "Transfer-Encoding: chunked", "Connection: close")))  # fmt: skip
        reading.start()
        for _ in range(count // 10):
            client.sendall(chunk)
        early = memory_mb(server, "VmRSS")
        for _ in range(count - count // 10):
            client.sendall(chunk)
        client.sendall(b"0\r\n\r\n")
        reading.join(60)
    assert received[0] > count * 1000
    print(f"{count * len(piece) / 1e6:.0f} MB of lines: {early:.0f} MB early, {memory_mb(server, 'VmHWM'):.0f} at most")
    assert memory_mb(server, "VmHWM") - early < 30


@pytest.mark.timeout(900)
def test_good_traffic_is_answered_beside_any_abuse(
    harbour: Harbour, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from benchmarks.abuse import ABUSES, base_of, measure

    monkeypatch.setenv("TABI_STORE", str(harbour.store.root))
    monkeypatch.setenv("TABI_PREDICTIONS", str(tmp_path / "log"))
    figures = measure("voyage", 3, ABUSES, seconds=1.0)
    bound = max(2 * base_of(figures), MOST_MS)
    for figure in figures:
        print(figure, f"bound {bound:.1f} ms")
    assert sum(figure.errors for figure in figures) == 0
    assert [figure.abuse for figure in figures if figure.during_ms > bound] == []


@pytest.mark.timeout(900)
def test_any_bytes_for_long(server: Server) -> None:
    from tests.serving.test_openapi import ask_all, described

    before = memory_mb(server, "VmRSS")
    ask_all(described(server), 100)
    assert server.process.poll() is None
    assert memory_mb(server, "VmRSS") - before < 150
