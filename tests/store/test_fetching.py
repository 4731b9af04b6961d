"""Fetching a snapshot: told in the log, ended when its time is over, gone on with afterwards."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tabi.bundle import Bundle, Manifest
from tabi.errors import ConfigError, StoreError
from tabi.store import Pointer, Store
from tabi.store.cache import Cache
from tabi.store.fetching import limit_of

BundleMaker = Callable[..., Manifest]


def cache(store: Store, folder: Path, **variables: str) -> Cache:
    """Of any store: one on S3 is asked the same in tests/system."""
    return Cache(store.objects, {"TABI_CACHE": str(folder), **variables})


@pytest.fixture
def large(store: Store, make_bundle: BundleMaker, tmp_path: Path) -> Pointer:
    """A release whose graph comes in several pieces."""
    make_bundle(tmp_path / "large", size=5 << 20)
    return store.set_latest("adult", store.put_bundle(tmp_path / "large"), None)


def test_when_the_time_is_over_it_ends_with_what_came_and_what_to_do(
    store: Store, large: Pointer, tmp_path: Path
) -> None:
    with pytest.raises(StoreError, match=r"took longer than TABI_FETCH_SECONDS=1e-06: \d+ of 52\d{5} bytes came"):
        cache(store, tmp_path / "cache", TABI_FETCH_SECONDS="0.000001").fetch("adult", large.id)
    assert not list((tmp_path / "cache").rglob("manifest.json"))


def test_what_was_cut_is_gone_on_with(
    store: Store,
    large: Pointer,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = cache(store, tmp_path / "cache").fetch("adult", large.id)
    assert folder is not None
    (folder / "manifest.json").unlink()
    (folder / "model.onnx").unlink()
    kept = (folder / "reports" / "curves.svg").stat().st_ino
    monkeypatch.setattr("tabi.store.fetching.TELL_SECONDS", -1.0)
    with caplog.at_level(logging.INFO, "tabi.store"):
        assert cache(store, tmp_path / "cache").fetch("adult", large.id) == folder
    said = [record.getMessage() for record in caplog.records]
    assert said[0] == f"fetching adult {large.id[:12]} from {store.place}: {5 << 20} bytes"
    # not a byte of what was there already
    pieces = [int(number) for line in said for number in re.findall(r": (\d+) of 5242880 bytes$", line)]
    assert sorted(set(pieces) - {0}) == [piece << 20 for piece in range(1, 6)]
    assert re.fullmatch(rf"fetched adult {large.id[:12]}: {5 << 20} bytes in \d+\.\d s", said[-1])
    assert (folder / "reports" / "curves.svg").stat().st_ino == kept
    Bundle.open(folder)


@pytest.mark.parametrize("text", ["x", "0", "-1", "nan", "inf"])
def test_a_limit_that_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="TABI_FETCH_SECONDS"):
        limit_of({"TABI_FETCH_SECONDS": text})
    assert (limit_of({}), limit_of({"TABI_FETCH_SECONDS": "2.5"})) == (120.0, 2.5)
