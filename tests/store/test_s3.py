"""What only a store on S3 has: a cache, an address, a way to it that can fail."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tabi.bundle import Bundle, Manifest
from tabi.errors import ConfigError, ConflictError, StoreError
from tabi.store import Store
from tabi.store.snapshots import snapshot_key

BundleMaker = Callable[..., Manifest]


@pytest.fixture
def remote(s3_place: str, make_bundle: BundleMaker, tmp_path: Path) -> Store:
    store = Store(s3_place)
    make_bundle(tmp_path / "first")
    store.set_latest("adult", store.put_bundle(tmp_path / "first"), None)
    return store


def test_latest_moves_only_from_where_it_was_seen(remote: Store, make_bundle: BundleMaker, tmp_path: Path) -> None:
    make_bundle(tmp_path / "second", seed=1)
    second = remote.put_bundle(tmp_path / "second")
    seen = remote.latest("adult")
    assert seen is not None
    for expected in (None, seen._replace(tag="0" * 64)):
        with pytest.raises(ConflictError, match="somebody else moved"):
            remote.set_latest("adult", second, expected)
    moved = remote.set_latest("adult", second, seen)
    assert (remote.latest("adult"), moved.id, remote.verify()) == (moved, second, [])


def test_a_snapshot_is_fetched_once_and_read_from_there(remote: Store, tmp_path: Path) -> None:
    folder = remote.open_path("adult")
    assert tmp_path / "cache" in folder.parents
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert remote.open_path("adult") == Store(remote.place).open_path("adult") == folder
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_a_cache_that_was_damaged_or_half_written_is_whole_again(remote: Store, tmp_path: Path) -> None:
    folder = remote.open_path("adult")
    (folder / "model.onnx").write_bytes(b"changed")
    (folder / "gates.json").unlink()
    (folder / "gates.json").symlink_to(tmp_path / "first" / "gates.json")
    (folder / "reports" / "curves.svg").unlink()
    (folder / "extra").write_text("")
    (folder / "more").mkdir()
    (folder / "more" / "extra").write_text("")
    assert Bundle.open(Store(remote.place).open_path("adult")).folder == folder
    (folder / "manifest.json").unlink()
    assert Bundle.open(remote.open_path("adult")).folder == folder
    (folder / "manifest.json").write_text("{}")
    Bundle.open(Store(remote.place).open_path("adult"))


def test_what_is_damaged_in_the_bucket_never_becomes_a_snapshot_here(remote: Store) -> None:
    pointer = remote.latest("adult")
    assert pointer is not None
    key = f"{snapshot_key('adult', pointer.id)}/model.onnx"
    content = remote.objects.read(key, 9999) or b""
    remote.objects.write(key, [content[::-1]])
    with pytest.raises(Exception, match=r"model\.onnx in .* was changed"):
        remote.open_path("adult")
    assert not list(remote.root.rglob("manifest.json"))


def test_a_signature_that_came_later_is_seen_and_one_that_went_is_gone(
    remote: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = remote.open_path("adult")
    key = f"{snapshot_key('adult', folder.name)}/model.sig"
    # by somebody else, on another machine
    remote.objects.write(key, [b"late"])
    remote.open_path("adult")
    assert not (folder / "model.sig").exists()
    monkeypatch.setattr("tabi.store.cache.SIGNATURE_SECONDS", 0.0)
    remote.open_path("adult")
    assert (folder / "model.sig").read_bytes() == b"late"
    remote.objects.remove(key)
    remote.open_path("adult")
    assert not (folder / "model.sig").exists()


def test_a_bundle_of_another_store_is_named_by_its_address(remote: Store, tmp_path: Path) -> None:
    here, folder = Store(tmp_path / "here"), remote.open_path("adult")
    address = f"{remote.place}/models/adult"
    assert [here.resolve(ref) for ref in (address, f"{address}/snapshots/{folder.name}")] == [folder, folder]
    for wrong in (remote.place, f"{address}@latest", f"{address}/snapshots/1", "s3://AKIA:secret@b/models/adult"):
        with pytest.raises(ConfigError, match="s3://BUCKET/PREFIX") as caught:
            here.resolve(wrong)
        assert "secret" not in str(caught.value)


def test_only_snapshots_of_this_store_are_named_by_a_path(remote: Store) -> None:
    pointer = remote.latest("adult")
    assert pointer is not None
    key = snapshot_key("adult", pointer.id)
    folder = remote.snapshot_at(key)
    assert folder == remote.open_path("adult").resolve()
    assert remote.snapshot_at(str(folder)) == folder
    for path in ("models/adult/latest", f"{key}/reports", f"models/../{key}", "/etc", key.replace("adult", "other")):
        assert remote.snapshot_at(path) is None


@pytest.mark.parametrize(
    "place",
    ["s3:", "s3://", "s3:bucket", "s3://Bucket/a", "s3://AKIA:secret@bucket/a", "s3://bucket/../a", "s3://b//a"],
)
def test_an_address_of_another_form_is_told_without_it(place: str) -> None:
    with pytest.raises(ConfigError, match="s3://BUCKET/PREFIX") as caught:
        Store(place)
    assert "secret" not in str(caught.value)


def test_what_goes_wrong_on_the_way_is_one_line_without_keys(
    s3_place: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def failure() -> str:
        with pytest.raises((StoreError, ConfigError)) as caught:
            Store(s3_place.replace("models-", "nobody-")).names()
        assert "\n" not in str(caught.value)
        assert "testing" not in str(caught.value)
        return str(caught.value)

    assert "cannot list models in s3://nobody-" in failure()
    assert "NoSuchBucket" in failure()
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert "EndpointConnectionError" in failure()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "no address")
    assert "S3 cannot be used" in failure()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    assert "NoCredentialsError" in failure()


def test_a_folder_store_imports_nothing_of_s3(tmp_path: Path) -> None:
    code = f"import sys; from tabi.store import Store; Store({str(tmp_path)!r}).names(); print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=os.environ)
    assert "boto" not in done.stdout
