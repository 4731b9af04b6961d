from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tabi.bundle import Bundle, Manifest
from tabi.errors import BundleError, ConfigError, ConflictError, NotFoundError, StoreError
from tabi.store import Pointer, Store

BundleMaker = Callable[..., Manifest]


def test_what_was_put_opens_as_the_same_bundle(store: Store, make_bundle: BundleMaker, tmp_path: Path) -> None:
    manifest = make_bundle(tmp_path / "b")
    assert store.put_bundle(tmp_path / "b") == manifest.id
    assert store.latest("adult") is None
    assert Bundle.open(store.open_path("adult", manifest.id)).manifest == manifest
    assert store.names() == ["adult"]
    assert store.snapshots("adult") == [manifest.id]


def test_the_pointer_is_a_copy_of_the_snapshots_manifest(store: Store, released: Pointer) -> None:
    pointer = store.root / "models/adult/latest/manifest.json"
    assert pointer.read_bytes() == (store.open_path("adult") / "manifest.json").read_bytes()
    assert store.latest("adult") == released


def test_putting_a_bundle_again_touches_nothing(store: Store, released: Pointer, tmp_path: Path) -> None:
    def moments() -> dict[str, int]:
        return {str(path): path.stat().st_mtime_ns for path in store.root.rglob("*") if path.is_file()}

    before = moments()
    assert store.put_bundle(tmp_path / "first") == released.id
    assert moments() == before


def test_the_first_manifest_of_a_snapshot_stays(
    store: Store, released: Pointer, make_bundle: BundleMaker, tmp_path: Path
) -> None:
    make_bundle(tmp_path / "later", git_commit="another")
    assert store.put_bundle(tmp_path / "later") == released.id
    assert Bundle.open(store.open_path("adult")).manifest.git_commit == "c0ffee"
    assert store.verify() == []


@pytest.mark.parametrize("lost", ["manifest.json", "model.onnx", "reports/curves.svg"])
@pytest.mark.parametrize("how", ["gone", "cut short"])
def test_a_half_written_snapshot_is_healed(
    store: Store, released: Pointer, tmp_path: Path, lost: str, how: str
) -> None:
    damaged = store.open_path("adult") / lost
    damaged.unlink() if how == "gone" else damaged.write_bytes(damaged.read_bytes()[:-2])
    assert store.put_bundle(tmp_path / "first") == released.id
    Bundle.open(store.open_path("adult"))
    assert store.verify() == []


def test_a_manifest_that_came_to_name_another_model_is_healed(store: Store, released: Pointer, tmp_path: Path) -> None:
    manifest = store.open_path("adult") / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"adult"', '"other"'))
    assert [finding.severity for finding in store.verify()] == ["error", "error"]
    store.put_bundle(tmp_path / "first")
    assert store.verify() == []


def test_a_bundle_that_changed_since_it_was_written_is_not_put(
    store: Store, make_bundle: BundleMaker, tmp_path: Path
) -> None:
    make_bundle(tmp_path / "b")
    (tmp_path / "b" / "model.onnx").write_bytes(b"x" * 3000)
    with pytest.raises(BundleError, match=r"model\.onnx"):
        store.put_bundle(tmp_path / "b")
    assert store.names() == []
    assert {finding.severity for finding in store.verify()} == {"leftover"}


def test_a_folder_that_is_no_bundle_is_not_put(store: Store, tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"manifest\.json .* cannot be read"):
        store.put_bundle(tmp_path)
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(BundleError, match="is not a manifest"):
        store.put_bundle(tmp_path)
    (tmp_path / "manifest.json").write_bytes(b" " * ((1 << 20) + 1))
    with pytest.raises(BundleError, match="larger"):
        store.put_bundle(tmp_path)


def test_latest_moves_only_from_where_it_was_seen(
    store: Store, released: Pointer, make_bundle: BundleMaker, tmp_path: Path
) -> None:
    make_bundle(tmp_path / "second", seed=2)
    second = store.put_bundle(tmp_path / "second")
    with pytest.raises(ConflictError):
        store.set_latest("adult", second, expected=None)
    moved = store.set_latest("adult", second, expected=released)
    with pytest.raises(ConflictError):
        store.set_latest("adult", released.id, expected=released)
    assert store.latest("adult") == moved
    assert store.set_latest("adult", released.id, expected=moved) == released


def test_latest_never_moves_to_what_is_absent_or_incomplete(
    store: Store, released: Pointer, make_bundle: BundleMaker, tmp_path: Path
) -> None:
    with pytest.raises(NotFoundError, match=released.id[:12]):
        store.set_latest("adult", "0" * 64, expected=released)
    make_bundle(tmp_path / "second", seed=2)
    second = store.put_bundle(tmp_path / "second")
    (store.open_path("adult", second) / "model.onnx").unlink()
    with pytest.raises(StoreError, match=r"model\.onnx is missing"):
        store.set_latest("adult", second, expected=released)
    assert store.latest("adult") == released


def test_an_unreadable_pointer_is_told_by_its_key(store: Store, released: Pointer) -> None:
    (store.root / "models/adult/latest/manifest.json").write_text("{")
    with pytest.raises(StoreError, match=r"models/adult/latest/manifest\.json"):
        store.latest("adult")


def test_every_form_of_reference_names_the_same_folder(store: Store, released: Pointer) -> None:
    folder = store.open_path("adult")
    assert folder.name == released.id
    refs = ["adult", "adult@latest", f"adult:{released.id}", f"adult:{released.id[:8]}", str(folder)]
    assert [store.resolve(ref) for ref in refs] == [folder] * 5


def test_a_folder_is_named_by_a_path_and_a_model_comes_before_it(
    store: Store, released: Pointer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert store.resolve("first") == Path("first")
    (tmp_path / "first").rename(tmp_path / "adult")
    assert store.resolve("adult") == store.open_path("adult")
    assert store.resolve("./adult") == Path("adult")


@pytest.mark.parametrize(
    ("ref", "error", "told"),
    [
        ("credit-g", NotFoundError, "it has adult"),
        ("credit-g@latest", NotFoundError, "it has adult"),
        ("adult@champion", NotFoundError, "adult has no champion: promote"),
        ("adult@previous", NotFoundError, "adult has no version before"),
        ("adult@challenger", NotFoundError, "adult has no challenger"),
        ("adult@best", NotFoundError, "'best' is no alias: there are latest, champion"),
        ("adult:7", NotFoundError, "adult has no version 7: it has none yet"),
        ("adult:0000", ConfigError, "8 digits"),
        ("adult:latest", ConfigError, "8 digits"),
        ("adult:00000000", NotFoundError, "no snapshot '00000000'"),
        ("../adult", NotFoundError, "neither a model nor a folder"),
        ("", NotFoundError, "neither a model nor a folder"),
        ("Adult", NotFoundError, "neither a model nor a folder"),
    ],
)
def test_a_reference_to_nothing_says_what_there_is(
    store: Store, released: Pointer, ref: str, error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told) as caught:
        store.resolve(ref)
    assert "\n" not in str(caught.value)


def test_an_empty_store_says_to_release_first(store: Store) -> None:
    with pytest.raises(NotFoundError, match="release one first"):
        store.resolve("adult")


def test_a_prefix_of_two_ids_is_ambiguous(store: Store, released: Pointer) -> None:
    twin = released.id[:10] + "".join("1" if digit == "0" else "0" for digit in released.id[10:])
    (store.root / "models/adult/snapshots" / twin).mkdir()
    (store.root / "models/adult/snapshots" / twin / "manifest.json").write_text("{}")
    with pytest.raises(NotFoundError, match="fits 2 snapshots"):
        store.resolve(f"adult:{released.id[:8]}")
    assert store.resolve(f"adult:{released.id[:11]}").name == released.id


@pytest.mark.parametrize("name", ["", "..", "a/b", "../adult", "Adult", ".hidden", "a b", "a" * 101, "adult\n"])
def test_a_name_that_could_leave_the_store_is_refused(store: Store, name: str) -> None:
    for call in (store.latest, store.open_path, store.snapshots):
        with pytest.raises(ConfigError, match="cannot be a model's name"):
            call(name)


def test_only_snapshots_of_this_store_are_contained(store: Store, released: Pointer, tmp_path: Path) -> None:
    snapshot = store.open_path("adult")
    (tmp_path / "inward").symlink_to(snapshot)
    assert store.contains(snapshot)
    assert store.contains(tmp_path / "inward")
    (snapshot.parent / ("0" * 64)).symlink_to(tmp_path / "first")
    (snapshot.parent / ("1" * 64)).mkdir()
    outside = [
        tmp_path / "first",
        store.root,
        snapshot.parent,
        snapshot / "reports",
        snapshot / ".." / ".." / "latest",
        snapshot.parent / ("0" * 64),
        snapshot.parent / ("1" * 64),
        tmp_path / "nowhere",
    ]
    assert [path for path in outside if store.contains(path)] == []
