"""Requests that flow all the time: clients that keep their connections, and clients that come anew for each."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

CLIENTS = 4
# no more than a person's machine has to spare
PAUSE_S = 0.01


@dataclass
class Flow:
    """What came of the requests. `versions`: of the answers, as they changed; `last`: when each was seen last."""

    answered: int = 0
    failed: list[str] = field(default_factory=list)
    versions: list[str] = field(default_factory=list)
    last: dict[str, float] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, version: str) -> None:
        """An answer by a version."""
        with self.lock:
            self.answered += 1
            self.last[version] = time.perf_counter()
            if not self.versions or self.versions[-1] != version:
                self.versions.append(version)


@contextmanager
def flowing(port: int, path: str, body: bytes, clients: int = CLIENTS) -> Iterator[Flow]:
    """Ask until the end; half of the clients keep their connection. Nothing is tried twice."""
    flow, ended = Flow(), threading.Event()
    threads = [
        threading.Thread(target=_ask, args=(flow, ended, port, path, body, bool(number % 2)))
        for number in range(clients)
    ]
    for thread in threads:
        thread.start()
    try:
        yield flow
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def _ask(flow: Flow, ended: threading.Event, port: int, path: str, body: bytes, keep: bool) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    while not ended.is_set():
        try:
            connection.request("POST", path, body, {"content-type": "application/json"})
            response = connection.getresponse()
            content = response.read()
            if response.status == 200:
                flow.note(json.loads(content)["version"])
            else:
                flow.failed.append(f"{response.status}: {content[:200]!r}")
        except (OSError, http.client.HTTPException) as error:
            flow.failed.append(repr(error))
            connection.close()
        if not keep:
            connection.close()
        ended.wait(PAUSE_S)
    connection.close()
