"""What the state database refers to is never removed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tabi.bundle import Manifest
from tabi.evidence import read
from tabi.registry.protected import protected_ids
from tabi.registry.upkeep import collect_garbage
from tabi.store import Store
from tabi.store.gc import Removed, Rules
from tabi.workspace import Workspace
from tests.store.conftest import make_bundle

BundleMaker = Callable[..., Manifest]
__all__ = ["make_bundle"]
NO_GRACE = Rules(keep=0, grace=-60)


def test_without_a_state_database_nothing_is_protected_and_none_is_made(tmp_path: Path) -> None:
    assert protected_ids(Workspace.find(tmp_path, {})) == set()
    assert list(tmp_path.iterdir()) == []


def test_what_an_audit_row_names_stays_and_the_rest_goes(make_bundle: BundleMaker, tmp_path: Path) -> None:
    from tabi.registry import audit
    from tabi.registry.identity import whoami

    workspace = Workspace.find(tmp_path, {})
    store = Store(workspace.models)
    named, loose = (make_bundle(tmp_path / str(seed), seed=seed).id for seed in range(2))
    for seed in range(2):
        store.put_bundle(tmp_path / str(seed))
    actor = whoami(workspace, {})
    audit.record(workspace, actor=actor, action="release", object="adult:1", before={}, after={"bundle": named})
    assert named in protected_ids(workspace)
    said: list[Removed] = []
    assert collect_garbage(workspace, NO_GRACE, said.append, dry_run=True) == 1
    assert collect_garbage(workspace, NO_GRACE, said.append) == 1
    assert [removed.key for removed in said] == [f"models/adult/snapshots/{loose}"] * 2
    assert store.snapshots("adult") == [named]
    (record,) = read(workspace.evidence, "gc")
    assert record.figures["removed"] == [f"models/adult/snapshots/{loose}"]
