"""Sharing connections: nobody has many more than another, and nobody waits for one that is dead or stuck."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabi.serving.accepting import Acceptor, Shares

counts = st.lists(st.integers(0, 5000), min_size=1, max_size=8)


@given(counts)
def test_the_one_with_the_least_may_always_take_and_one_with_a_fourth_more_never(found: list[int]) -> None:
    with TemporaryDirectory() as folder:
        shares = Shares(Path(folder), len(found))
        for worker, count in enumerate(found):
            shares.tell(worker, count)
        least = min(found)
        assert shares.may_take(least)
        assert not shares.may_take(least + least // 4 + 3)


def test_what_one_worker_tells_another_process_reads(tmp_path: Path) -> None:
    first, second = Shares(tmp_path, 2), Shares(tmp_path, 2)
    first.tell(0, 0)
    second.tell(1, 100)
    assert first.may_take(0)
    assert not second.may_take(100)


def test_nobody_waits_for_a_worker_that_is_not_there(tmp_path: Path) -> None:
    shares = Shares(tmp_path, 3)
    shares.tell(1, 100)
    assert shares.may_take(100)
    shares.tell(0, 0)
    assert not shares.may_take(100)
    shares.gone(0)
    assert shares.may_take(100)


class Client(asyncio.Protocol):
    """Counts the connections of one acceptor."""

    def __init__(self, taken: set[asyncio.BaseTransport]) -> None:
        self._taken = taken

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._taken.add(transport)


@asynccontextmanager
async def clients(listener: socket.socket, count: int) -> AsyncIterator[None]:
    address = listener.getsockname()
    opened = [await asyncio.open_connection(*address) for _ in range(count)]
    yield
    for _, writer in opened:
        writer.close()


def loops() -> list[object]:
    import uvloop

    return [asyncio.run, uvloop.run]


@pytest.mark.parametrize("run", loops())
def test_one_that_may_not_take_leaves_the_others_a_moment_and_then_takes_all_the_same(run: object) -> None:
    async def go() -> None:
        taken: set[asyncio.BaseTransport] = set()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            acceptor = Acceptor(listener, lambda: Client(taken), lambda: False)
            async with clients(listener, 5):
                while len(taken) < 5:
                    await asyncio.sleep(0.005)
                acceptor.close()
                for transport in taken:
                    transport.close()
            # the last one is taken a turn before it is counted as begun
            while acceptor.beginning:
                await asyncio.sleep(0.005)

    run(go())  # type: ignore[operator]


@pytest.mark.parametrize("run", loops())
def test_two_that_share_a_socket_share_its_connections(run: object, tmp_path: Path) -> None:
    async def go() -> None:
        taken: list[set[asyncio.BaseTransport]] = [set(), set()]
        shares = Shares(tmp_path, 2)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            for worker in range(2):
                shares.tell(worker, 0)

            def may_take(worker: int) -> bool:
                count = len(taken[worker]) + acceptors[worker].beginning
                shares.tell(worker, count)
                return shares.may_take(count)

            # a descriptor of its own for each, as in two processes
            listeners = [listener, listener.dup()]
            acceptors = [
                Acceptor(each, lambda worker=worker: Client(taken[worker]), lambda worker=worker: may_take(worker))  # type: ignore[misc]
                for worker, each in enumerate(listeners)
            ]
            async with clients(listener, 64):
                while len(taken[0] | taken[1]) < 64:
                    await asyncio.sleep(0.005)
                assert abs(len(taken[0]) - len(taken[1])) <= 16
                for acceptor in acceptors:
                    acceptor.close()
                for transport in taken[0] | taken[1]:
                    transport.close()
            listeners[1].close()

    run(go())  # type: ignore[operator]


def test_after_it_is_closed_nothing_is_taken() -> None:
    async def go() -> None:
        taken: set[asyncio.BaseTransport] = set()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            acceptor = Acceptor(listener, lambda: Client(taken), lambda: False)
            async with clients(listener, 1):
                # while it lets the others
                await asyncio.sleep(0)
                acceptor.close()
                await acceptor.wait_closed()
                await asyncio.sleep(0.05)
            assert taken == set()

    asyncio.run(go())


def test_too_many_open_files_are_told_and_passed(caplog: pytest.LogCaptureFixture) -> None:
    import errno

    class Full(socket.socket):
        """As the system answers when a process has all the files that it may have."""

        def accept(self) -> tuple[socket.socket, object]:
            raise OSError(errno.EMFILE, "Too many open files")

    async def go() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            full = Full(fileno=socket.dup(listener.fileno()))
            acceptor = Acceptor(full, asyncio.Protocol, lambda: True)
            async with clients(listener, 1):
                while "cannot be taken" not in caplog.text:
                    await asyncio.sleep(0.005)
            acceptor.close()
            full.close()

    asyncio.run(go())
    assert caplog.text.count("cannot be taken") == 1
