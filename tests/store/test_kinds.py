"""Laws of every kind of store: here of a folder, in `tests/system/test_store_kinds.py` of S3."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tabi.bundle import Bundle, Manifest
from tabi.errors import BundleError, ConflictError, NotFoundError, StoreError
from tabi.policy.document import Assigned, Single
from tabi.store import Store
from tabi.store.documents import Versions
from tabi.store.exchange import exchange
from tabi.store.gc import Rules, collect
from tabi.store.snapshots import pointer_key, snapshot_key

BundleMaker = Callable[..., Manifest]
NO_GRACE = Rules(keep=0, grace=-60)


@pytest.fixture
def put(make_bundle: BundleMaker, tmp_path: Path) -> Callable[..., str]:
    """Put a new bundle of a seed into a store."""

    def put_bundle(store: Store, seed: int = 0) -> str:
        folder = tmp_path / f"bundle-{seed}"
        if not folder.exists():
            make_bundle(folder, seed=seed)
        return store.put_bundle(folder)

    return put_bundle


Put = Callable[..., str]


def told(store: Store) -> list[tuple[str, str, str]]:
    """What verify finds: severity, the last part of the path, the problem."""
    return [(found.severity, found.path.rpartition("/")[2], found.problem) for found in store.verify()]


def test_what_was_put_opens_as_the_same_bundle_by_every_reference(either: Store, put: Put) -> None:
    identity = put(either)
    assert either.latest("adult") is None
    pointer = either.set_latest("adult", identity, None)
    assert either.latest("adult") == pointer
    folders = {either.resolve(ref) for ref in ("adult", "adult@latest", f"adult:{identity}", f"adult:{identity[:8]}")}
    assert {Bundle.open(folder).id for folder in folders} == {identity}
    assert (either.names(), either.snapshots("adult"), either.verify()) == (["adult"], [identity], [])


def test_putting_again_writes_nothing(either: Store, put: Put) -> None:
    identity = put(either)
    before = either.objects.modified("models")
    assert put(either) == identity
    assert either.objects.modified("models") == before


def test_a_signature_comes_along_and_only_beside_its_own_manifest(
    either: Store, put: Put, make_bundle: BundleMaker, tmp_path: Path
) -> None:
    identity = put(either)
    assert not (either.open_path("adult", identity) / "model.sig").exists()
    (tmp_path / "bundle-0" / "model.sig").write_bytes(b"first")
    put(either)
    key = f"{snapshot_key('adult', identity)}/model.sig"
    assert either.objects.read(key, 99) == b"first"
    make_bundle(tmp_path / "later", git_commit="another")
    (tmp_path / "later" / "model.sig").write_bytes(b"of another manifest")
    assert either.put_bundle(tmp_path / "later") == identity
    assert either.objects.read(key, 99) == b"first"
    either.put_signature("adult", identity, b"second")
    assert (either.open_path("adult", identity) / "model.sig").read_bytes() == b"second"
    assert either.verify() == []


@pytest.mark.parametrize("lost", ["manifest.json", "model.onnx", "reports/curves.svg"])
def test_a_half_written_snapshot_is_completed(either: Store, put: Put, lost: str) -> None:
    identity = put(either)
    either.objects.remove(f"{snapshot_key('adult', identity)}/{lost}")
    assert len(told(either)) == 1
    assert put(either) == identity
    assert either.verify() == []


def test_latest_moves_only_from_where_it_was_seen_and_only_to_what_is_whole(either: Store, put: Put) -> None:
    first, second = put(either), put(either, 1)
    pointer = either.set_latest("adult", first, None)
    for expected in (None, pointer._replace(tag="0" * 64)):
        with pytest.raises(ConflictError, match="somebody else moved"):
            either.set_latest("adult", second, expected)
    with pytest.raises(NotFoundError, match=first[:12]):
        either.set_latest("adult", "0" * 64, pointer)
    either.objects.remove(f"{snapshot_key('adult', second)}/model.onnx")
    with pytest.raises(StoreError, match=r"model\.onnx is missing"):
        either.set_latest("adult", second, pointer)
    assert either.latest("adult") == pointer


def test_each_fault_is_told_at_its_place(either: Store, put: Put) -> None:
    identity = put(either)
    either.set_latest("adult", identity, None)
    objects, key = either.objects, snapshot_key("adult", identity)
    content = objects.read(f"{key}/model.onnx", 9999) or b""
    objects.write(f"{key}/model.onnx", [content[:-1] + bytes([content[-1] ^ 1])])
    objects.write(f"{key}/gates.json", [b"{"])
    objects.write(f"{key}/extra", [b""])
    objects.remove(f"{key}/reports/curves.svg")
    objects.write("models/adult/stray", [b""])
    objects.write("models/adult/latest/stray", [b""])
    objects.write("models/file", [b""])
    half = snapshot_key("adult", "1" * 64)
    objects.write(f"{half}/model.onnx", [b"half"])
    assert told(either) == [
        ("leftover", "stray", "does not belong beside a pointer"),
        ("leftover", "1" * 64, "is incomplete and nothing can point to it"),
        ("error", "extra", "is not in the manifest"),
        ("error", "gates.json", "has 1 bytes, the manifest says 3"),
        ("error", "model.onnx", "was changed: its sha256 is not the manifest's"),
        ("error", "curves.svg", "is missing"),
        ("leftover", "stray", "does not belong to a model"),
        ("leftover", "file", "is not a model"),
    ]


def test_a_pointer_to_nothing_or_of_garbage_is_told(either: Store, put: Put) -> None:
    identity = put(either)
    either.set_latest("adult", identity, None)
    either.objects.remove(f"{snapshot_key('adult', identity)}/manifest.json")
    assert told(either)[0] == ("error", "manifest.json", f"points to {identity[:12]}, which is missing or incomplete")
    either.objects.write(pointer_key("adult"), [b"[]"])
    assert told(either)[0][:2] == ("error", "manifest.json")


def remaining(store: Store) -> set[str]:
    return set(store.snapshots("adult"))


def test_gc_removes_only_what_nothing_refers_to(either: Store, put: Put) -> None:
    latest, champion, previous, numbered, audited, loose = (put(either, seed) for seed in range(6))
    either.set_latest("adult", latest, None)
    policy = Single(name="adult", champion=Assigned(2, champion), previous=Assigned(1, previous))
    either.set_policy(policy, None)
    bundles = {1: previous, 2: champion, 3: numbered}
    either.set_versions("adult", Versions(bundles, challenger=3), either.versions("adult"))
    either.objects.write(f"{snapshot_key('adult', '1' * 64)}/model.onnx", [b"half"])
    kept = {latest, champion, previous, numbered, audited}
    assert list(collect(either.objects, {audited})) == []
    would = list(collect(either.objects, {audited}, NO_GRACE, dry_run=True))
    assert remaining(either) == {*kept, loose}
    assert list(collect(either.objects, {audited}, NO_GRACE)) == would
    assert [(removed.key, removed.why) for removed in would] == sorted(
        [
            (snapshot_key("adult", "1" * 64), "is incomplete"),
            (snapshot_key("adult", loose), "nothing refers to it"),
        ]
    )
    assert remaining(either) == kept
    assert either.objects.modified(snapshot_key("adult", loose)) is None
    assert either.verify() == []


def test_gc_keeps_the_newest(either: Store, put: Put) -> None:
    for seed in range(2):
        put(either, seed)
    assert list(collect(either.objects, (), NO_GRACE._replace(keep=2))) == []
    assert len(list(collect(either.objects, (), NO_GRACE._replace(keep=1)))) == 1
    assert len(remaining(either)) == 1


def test_gc_gives_back_what_somebody_came_to_refer_to_in_that_moment(
    either: Store, put: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = put(either)
    key = snapshot_key("adult", wanted)
    manifest = either.objects.read(f"{key}/manifest.json", 1 << 20) or b""
    remove = either.objects.remove

    def moved_meanwhile(removed: str) -> None:
        remove(removed)
        either.objects.replace(pointer_key("adult"), None, manifest)

    monkeypatch.setattr(either.objects, "remove", moved_meanwhile)
    assert list(collect(either.objects, (), NO_GRACE)) == []
    assert Bundle.open(either.open_path("adult")).id == wanted
    assert either.verify() == []


def test_gc_removes_nothing_of_a_model_whose_pointer_cannot_be_read(either: Store, put: Put) -> None:
    identity = put(either)
    either.objects.write(pointer_key("adult"), [b"[]"])
    with pytest.raises(StoreError):
        list(collect(either.objects, (), NO_GRACE))
    assert remaining(either) == {identity}


def test_a_model_is_brought_to_another_store_and_back(store: Store, either: Store, put: Put, tmp_path: Path) -> None:
    first, second, _loose = (put(store, seed) for seed in range(3))
    (tmp_path / "bundle-1" / "model.sig").write_bytes(b"signature")
    put(store, 1)
    store.set_latest("adult", second, None)
    store.set_policy(Single(name="adult", champion=Assigned(2, second), previous=Assigned(1, first)), None)
    store.set_versions("adult", Versions({1: first, 2: second}), store.versions("adult"))
    for _ in range(2):
        found = exchange(store, either, "adult")
        assert (set(found.snapshots), found.latest) == ({first, second}, second)
        assert set(either.snapshots("adult")) == {first, second}
        assert either.verify() == []
    assert (either.open_path("adult") / "model.sig").read_bytes() == b"signature"
    back = Store(tmp_path / "back")
    exchange(either, back, "adult")
    assert back.verify() == []
    assert back.policy("adult") == store.policy("adult")
    assert back.versions("adult") == store.versions("adult")
    with pytest.raises(NotFoundError, match="has no model voyage: it has adult"):
        exchange(either, back, "voyage")


def test_a_release_that_is_not_known_here_is_never_hidden(store: Store, either: Store, put: Put) -> None:
    ours, theirs = put(store), put(either, 1)
    store.set_latest("adult", ours, None)
    pointer = either.set_latest("adult", theirs, None)
    with pytest.raises(ConflictError, match="bring it first"):
        exchange(store, either, "adult")
    assert either.latest("adult") == pointer
    store.set_versions("adult", Versions({1: ours}), store.versions("adult"))
    either.set_versions("adult", Versions({1: theirs}), either.versions("adult"))
    put(store, 1)
    with pytest.raises(ConflictError, match="version number"):
        exchange(store, either, "adult")
    assert either.latest("adult") == pointer


def test_a_damaged_source_is_not_brought(store: Store, either: Store, put: Put) -> None:
    identity = put(either)
    either.set_latest("adult", identity, None)
    key = f"{snapshot_key('adult', identity)}/model.onnx"
    content = either.objects.read(key, 9999) or b""
    either.objects.write(key, [content[::-1]])
    with pytest.raises(BundleError, match=r"model\.onnx in .* was changed"):
        exchange(either, store, "adult")
    assert (store.snapshots("adult"), store.latest("adult")) == ([], None)
