"""Bundles for the store, which never looks into their files: the graph is any bytes of a wanted size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from tabi.bundle import Manifest, write_bundle
from tabi.store import Pointer, Store

BundleMaker = Callable[..., Manifest]


@pytest.fixture
def make_bundle() -> BundleMaker:
    """Writes a bundle into a new folder; another seed gives another id."""

    def make(folder: Path, *, seed: int = 0, size: int = 3000, git_commit: str = "c0ffee") -> Manifest:
        (folder / "reports").mkdir(parents=True)
        (folder / "model.onnx").write_bytes(Random(seed).randbytes(size))
        for document in ("schema.json", "threshold.json", "metrics.json", "parity.json", "gates.json"):
            (folder / document).write_text("{}\n")
        (folder / "reports" / "curves.svg").write_text("<svg/>")
        return write_bundle(
            folder,
            name="adult",
            created="2026-11-21T09:00:00+00:00",
            git_commit=git_commit,
            run="1",
            snapshot="2" * 64,
            environment="3" * 64,
            runtime={"onnxruntime": ">=1.22"},
        )

    return make


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def released(store: Store, make_bundle: BundleMaker, tmp_path: Path) -> Pointer:
    """The store holds one release of adult."""
    make_bundle(tmp_path / "first")
    return store.set_latest("adult", store.put_bundle(tmp_path / "first"), expected=None)
