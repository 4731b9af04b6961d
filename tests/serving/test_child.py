"""What a supervisor and its workers say to each other comes over whole."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tabi import errors
from tabi.errors import BundleError, ConfigError, NotFoundError, TabiError
from tabi.serving.child import Orders, Said
from tabi.serving.settings import Limits, Settings


def test_orders_are_read_as_they_were_given() -> None:
    settings = Settings(
        refs=("voyage", "./東京"),
        store=Path("/a store"),
        log=Path("log"),
        tokens=None,
        origins=("https://a.example",),
        limits=Limits(grace=1.5),
    )
    orders = Orders(settings, Path("/shared"), 3, [4, 5], None, 6, 7)
    assert Orders.from_json(orders.to_json()) == orders


@pytest.mark.parametrize("error", [ConfigError("one line"), NotFoundError("x" * 5000), BundleError("é" * 2000)])
def test_an_error_comes_over_as_itself_in_one_piece(error: TabiError) -> None:
    out, into = os.pipe()
    Said.of(1, error).say(into)
    os.close(into)
    line = os.read(out, 1 << 16)
    os.close(out)
    # what is written at once is not mixed with what others write
    assert len(line) <= 4096
    import msgspec

    found = msgspec.json.decode(line, type=Said).error()
    assert type(found) is type(error)
    assert str(error).startswith(str(found)[:100])


def test_every_error_of_the_tree_can_come_over() -> None:
    for name in vars(errors):
        kind = getattr(errors, name)
        if isinstance(kind, type) and issubclass(kind, TabiError):
            assert type(Said.of(0, kind("a line")).error()) is kind


def test_who_does_not_listen_any_more_is_no_error() -> None:
    out, into = os.pipe()
    os.close(out)
    Said(1, (("voyage", "a"),)).say(into)
    os.close(into)
