"""Real servers with limits of a test's own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.serving.conftest import Harbour, Server, serving

SCRIPT = Path(__file__).with_name("limited_server.py")
MakeServer = Callable[..., Server]


@pytest.fixture
def limited(harbour: Harbour) -> Iterator[MakeServer]:
    """Makes servers of models, voyage if none is named, with these limits."""
    with ExitStack() as stack:

        def make(*refs: str, options: tuple[str, ...] = (), **limits: Any) -> Server:
            begin = (sys.executable, str(SCRIPT), msgspec.json.encode(limits).decode())
            return stack.enter_context(
                serving(harbour.store.root, *(refs or ("voyage",)), options=options, begin=begin)
            )

        yield make
