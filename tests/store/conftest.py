"""Bundles for the store, which never looks into their files: the graph is any bytes of a wanted size."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from random import Random

import pytest

from tabi.bundle import Manifest, write_bundle
from tabi.store import Pointer, Store
from tests.system.moto import KEYS, s3_server

BundleMaker = Callable[..., Manifest]
_buckets = count()


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


@pytest.fixture(scope="session")
def s3_address() -> Iterator[str]:
    """A server that speaks S3, from the packages that tests are run with."""
    with s3_server(Path(sys.executable)) as address:
        yield address


@pytest.fixture
def s3_place(s3_address: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The address of an empty store in a bucket of its own."""
    import boto3

    for name, setting in {**KEYS, "AWS_ENDPOINT_URL": s3_address, "TABI_CACHE": str(tmp_path / "cache")}.items():
        monkeypatch.setenv(name, setting)
    bucket = f"models-{next(_buckets)}"
    boto3.client("s3").create_bucket(Bucket=bucket)
    return f"s3://{bucket}/team/a"


@pytest.fixture
def either(tmp_path: Path) -> Store:
    """An empty store in a folder; `tests/system/test_store_kinds.py` asks the same of one on S3."""
    return Store(tmp_path / "either")
