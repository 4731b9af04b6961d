"""Bytes to a server and answers from it, with nothing in between that would make them right."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path
from typing import Any, NamedTuple

from tests.serving.conftest import ROW, Server

PREDICT = json.dumps({"features": ROW}).encode()
LIMIT_S = 20.0


class Answer(NamedTuple):
    """One answer. `headers` by lower-case name, each once."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Raw:
    """A connection of bytes."""

    def __init__(self, server: Server, port: int | None = None) -> None:
        self.socket = socket.create_connection((server.host, port or server.port), timeout=LIMIT_S)
        self._rest = b""

    def __enter__(self) -> Raw:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> Raw:
        self.socket.sendall(data)
        return self

    def answer(self, *, head: bool = False) -> Answer | None:
        """The next answer; None if the server closed without one. `head`: it has no body."""
        while b"\r\n\r\n" not in self._rest:
            if not self._more():
                assert self._rest == b"", self._rest
                return None
        top, _, self._rest = self._rest.partition(b"\r\n\r\n")
        line, *lines = top.decode("latin-1").split("\r\n")
        version, status, _ = line.split(" ", 2)
        assert version == "HTTP/1.1"
        pairs = [tuple(each.split(": ", 1)) for each in lines]
        headers = {name.lower(): value for name, value in pairs}
        assert len(headers) == len(pairs), "a header stands twice"
        if head or status == "100":
            return Answer(int(status), headers, b"")
        body = self._chunks() if headers.get("transfer-encoding") == "chunked" else self._take(_length(headers))
        return Answer(int(status), headers, body)

    def answers(self) -> list[Answer]:
        """All answers until the server closes."""
        found = []
        while (answer := self.answer()) is not None:
            found.append(answer)
        return found

    def closed(self) -> bool:
        """Whether the server closes without another word."""
        try:
            return self._rest == b"" and self.socket.recv(1) == b""
        except ConnectionError:
            return True

    def part(self) -> bytes:
        """The next chunk of an answer whose head has been read."""
        while b"\r\n" not in self._rest:
            assert self._more()
        size, _, self._rest = self._rest.partition(b"\r\n")
        found = self._take(int(size, 16))
        assert self._take(2) == b"\r\n"
        return found

    def head(self) -> tuple[int, dict[str, str]]:
        """Status and headers of an answer whose body comes in chunks."""
        while b"\r\n\r\n" not in self._rest:
            assert self._more()
        top, _, self._rest = self._rest.partition(b"\r\n\r\n")
        line, *lines = top.decode("latin-1").split("\r\n")
        return int(line.split(" ")[1]), dict(each.split(": ", 1) for each in lines)

    def _chunks(self) -> bytes:
        body = b""
        while part := self.part():
            body += part
        return body

    def _take(self, size: int) -> bytes:
        while len(self._rest) < size:
            assert self._more(), "the answer was cut short"
        found, self._rest = self._rest[:size], self._rest[size:]
        return found

    def _more(self) -> bool:
        try:
            data = self.socket.recv(1 << 20)
        except ConnectionResetError:
            return False
        self._rest += data
        return bool(data)


def _length(headers: dict[str, str]) -> int:
    return int(headers["content-length"])


def request(
    method: str = "POST",
    target: str = "/predict",
    body: bytes = PREDICT,
    headers: tuple[str, ...] = (),
    version: str = "1.1",
    *,
    length: bool = True,
) -> bytes:
    """A request as bytes."""
    lines = [f"{method} {target} HTTP/{version}", "Host: tabi", *headers]
    if length and (body or method == "POST"):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def ask(server: Server, data: bytes, *, head: bool = False) -> Answer:
    """The first answer to bytes on a connection of their own."""
    with Raw(server) as raw:
        found = raw.send(data).answer(head=head)
    assert found is not None
    return found


def resident_mb(pid: int) -> float:
    """Memory of a process."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


def until(seconds: float, found: Any) -> bool:
    """Whether `found()` becomes true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found():
            return True
        time.sleep(0.02)
    return bool(found())
