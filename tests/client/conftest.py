"""Both clients under one way to call them, real servers of Tabi, and a real server that misbehaves."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tabi.client import AsyncClient, Client
from tests.client.faults import FaultyServer

# the fixtures of the server's own tests
from tests.serving.conftest import harbour, own_harbour, server  # noqa: F401

Call = Callable[..., Any]


def _sync(url: str, use: Callable[[Any], Any], **options: Any) -> Any:
    with Client(url, **options) as client:
        result = use(client)
        return list(result) if isinstance(result, Iterator) else result


def _async(url: str, use: Callable[[Any], Any], **options: Any) -> Any:
    async def run() -> Any:
        async with AsyncClient(url, **options) as client:
            result = use(client)
            return await result if inspect.isawaitable(result) else [reply async for reply in result]

    return asyncio.run(run())


@pytest.fixture(params=["sync", "async"])
def call(request: pytest.FixtureRequest) -> Call:
    """`call(url, lambda client: client.verb(…), **options)` by the sync and by the async client."""
    return _sync if request.param == "sync" else _async


@pytest.fixture
def faulty() -> Iterator[FaultyServer]:
    """A server that does with each request what the test tells it to do."""
    with FaultyServer() as running:
        yield running
