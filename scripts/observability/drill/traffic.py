"""Requests that go on in threads until told otherwise: as in training, with one column shifted, or too many."""

from __future__ import annotations

import http.client
import itertools
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Thread

from tabi.bench.rows import Row, draw_rows, predict_bodies
from tabi.contract import CategoricalColumn, Contract, NumericColumn
from tabi.errors import NotFoundError

ROWS = 2000
# a second, of the one connection that always asks
RATE = 150


class Traffic:
    """`bodies` may be replaced while it runs. `answered`: how many requests by status."""

    def __init__(self, port: int, bodies: Sequence[bytes]) -> None:
        self.bodies = bodies
        self.answered: Counter[int] = Counter()
        self._port = port

    @contextmanager
    def asking(self, path: str = "/predict", connections: int = 1, rate: float = RATE) -> Iterator[None]:
        """So many connections, each at a constant pace."""
        over = Event()
        threads = [Thread(target=self._ask, args=(over, path, number, 1 / rate)) for number in range(connections)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            over.set()
            for thread in threads:
                thread.join()

    def _ask(self, over: Event, path: str, number: int, pause_s: float) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        due = time.monotonic()
        for index in itertools.count(number):
            if over.is_set():
                break
            bodies = self.bodies
            connection.request("POST", path, bodies[index % len(bodies)], {"content-type": "application/json"})
            response = connection.getresponse()
            response.read()
            self.answered[response.status] += 1
            due = max(due + pause_s, time.monotonic() - 1)
            over.wait(max(0.0, due - time.monotonic()))
        connection.close()


def usual(contract: Contract) -> list[bytes]:
    """Bodies of rows as the training snapshot had them."""
    return predict_bodies(draw_rows(contract, ROWS))


def shifted(contract: Contract) -> tuple[str, list[bytes]]:
    """A column, and bodies of rows that differ in it alone: all of them have its rarest value."""
    name, value = _rarest(contract)
    rows: list[Row] = [{**row, name: value} for row in draw_rows(contract, ROWS, seed=1)]
    return name, predict_bodies(rows)


def _rarest(contract: Contract) -> tuple[str, float | str]:
    for column in contract.columns:
        if isinstance(column, CategoricalColumn) and column.reference is not None:
            counts = column.reference.counts
            return column.name, column.categories[counts.index(min(counts))]
        if isinstance(column, NumericColumn) and column.reference is not None and column.reference.edges:
            # the last bin holds what is above the last edge
            top = column.reference.edges[-1]
            return column.name, top + abs(top) * 1e-6 + 1e-9
    raise NotFoundError("the contract has no column with a reference: there is no drift to be seen")
