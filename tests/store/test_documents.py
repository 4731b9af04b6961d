"""A model's policy and version numbers in the store: replaced by compare-and-set, and what references mean by them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tabi.bundle import Manifest
from tabi.errors import ConflictError, NotFoundError, StoreError
from tabi.policy import Assigned, Single
from tabi.store import Pointer, Store, Versions

BundleMaker = Callable[..., Manifest]


@pytest.fixture
def second(store: Store, released: Pointer, make_bundle: BundleMaker, tmp_path: Path) -> str:
    """The id of a second bundle in the store, which nothing points to."""
    make_bundle(tmp_path / "second", seed=2)
    return store.put_bundle(tmp_path / "second")


@pytest.fixture
def policy(store: Store, released: Pointer, second: str) -> Single:
    """Version 2, the second bundle, is the champion; version 1 was before."""
    policy = Single(name="adult", champion=Assigned(2, second), previous=Assigned(1, released.id), revision=1)
    store.set_policy(policy, None)
    store.set_versions("adult", Versions({1: released.id, 2: second}, challenger=1), store.versions("adult"))
    return policy


def test_references_by_alias_and_number_need_the_store_alone(
    store: Store, released: Pointer, second: str, policy: Single
) -> None:
    found = {
        ref: store.resolve(f"adult{ref}").name for ref in ("@champion", "@previous", "@challenger", ":1", ":2", "")
    }
    assert found == {
        "@champion": second,
        "@previous": released.id,
        "@challenger": released.id,
        ":1": released.id,
        ":2": second,
        "": released.id,
    }
    with pytest.raises(NotFoundError, match="adult has no version 3: it has 1, 2"):
        store.resolve("adult:3")


def test_of_two_who_replace_a_policy_one_wins(store: Store, policy: Single) -> None:
    seen = store.policy("adult")
    assert seen is not None
    assert seen.policy == policy
    won = store.set_policy(Single(name="adult", champion=policy.champion, revision=2), seen)
    with pytest.raises(ConflictError):
        store.set_policy(Single(name="adult", champion=policy.uses[1], revision=2), seen)
    assert store.policy("adult") == won
    with pytest.raises(ConflictError):
        store.set_policy(policy, None)


def test_of_two_who_replace_the_numbers_one_wins(store: Store, policy: Single) -> None:
    seen = store.versions("adult")
    won = store.set_versions("adult", Versions({1: policy.champion.bundle}), seen)
    with pytest.raises(ConflictError):
        store.set_versions("adult", Versions(), seen)
    assert store.versions("adult") == won


def test_latest_is_pointed_from_wherever_it_is(store: Store, released: Pointer, second: str) -> None:
    pointer = store.root / "models/adult/latest/manifest.json"
    pointer.write_text("half a mani")
    assert store.point_latest("adult", second).id == second
    assert store.latest("adult") == store.point_latest("adult", second)
    before = pointer.stat().st_ino
    store.point_latest("adult", second)
    assert pointer.stat().st_ino == before
    (store.open_path("adult", released.id) / "model.onnx").unlink()
    with pytest.raises(StoreError, match=r"model\.onnx is missing"):
        store.point_latest("adult", released.id)


@pytest.mark.parametrize(("document", "read"), [("policy.json", Store.policy), ("versions.json", Store.versions)])
def test_a_document_that_cannot_be_read_is_told_and_found(
    store: Store, policy: Single, document: str, read: Callable[[Store, str], object]
) -> None:
    assert store.verify() == []
    (store.root / "models/adult" / document).write_text('{"kind": "single"')
    with pytest.raises(StoreError, match=rf"models/adult/{document}"):
        read(store, "adult")
    assert [finding.severity for finding in store.verify()] == ["error"]


def test_a_policy_of_another_model_is_refused(store: Store, policy: Single) -> None:
    path = store.root / "models/adult/policy.json"
    path.write_bytes(path.read_bytes().replace(b'"adult"', b'"other"'))
    with pytest.raises(StoreError, match="is of another model"):
        store.policy("adult")


def test_a_policy_whose_bundle_is_gone_or_another_is_found(store: Store, policy: Single, released: Pointer) -> None:
    seen = store.versions("adult")
    store.set_versions("adult", Versions({1: released.id, 2: released.id}), seen)
    (store.open_path("adult", released.id) / "manifest.json").unlink()
    problems = {finding.path: finding.problem for finding in store.verify() if finding.severity == "error"}
    assert "version 1" in problems["models/adult/policy.json"]
    assert "another bundle of version 2" in problems["models/adult/versions.json"]


def test_a_model_that_was_never_promoted_says_so(store: Store, make_bundle: BundleMaker, tmp_path: Path) -> None:
    make_bundle(tmp_path / "b")
    store.put_bundle(tmp_path / "b")
    with pytest.raises(NotFoundError, match=r"no version of adult was promoted .* `tabi promote adult`"):
        store.resolve("adult")
