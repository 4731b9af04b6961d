"""From a bundle back to where it came from, and forward to what uses it."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tabi.bundle import Bundle, layout, write_bundle
from tabi.errors import NotFoundError
from tabi.policy import Arm, Assigned, BlueGreen, Canary, Shadow, Split
from tabi.registry.identity import whoami
from tabi.registry.lineage import Step, Walk, walk
from tabi.registry.models import models
from tabi.registry.release import release
from tabi.registry.show import lineage_lines, version_lines
from tabi.store import Store
from tabi.workspace import Workspace
from tests.registry.conftest import Trained

# slow: real trainings and releases
pytestmark = pytest.mark.system


@pytest.fixture
def released(trained: Trained, tmp_path: Path) -> tuple[Workspace, Bundle]:
    """A workspace with a store of its own that holds one released bundle."""
    store = tmp_path / "store"
    shutil.copytree(trained.workspace.store / "data", store / "data")
    workspace = replace(trained.workspace, store=store, state_url=f"sqlite:///{tmp_path / 'state.db'}")
    return workspace, Bundle.open(release(workspace, trained.name, trained.runs[0]).folder)


def number_of(workspace: Workspace) -> int:
    """Of the only version: one more for each release that the tracking server of all these tests has seen."""
    ((listed,), _) = models(workspace, "shop")
    return listed.version.version


def step(found: Walk, what: str) -> Step:
    """The step of the walk whose words begin so."""
    (only,) = [s for s in found.bundle.parents if s.what.startswith(what)]
    return only


def test_a_bundle_names_its_parents_by_digest(trained: Trained, released: tuple[Workspace, Bundle]) -> None:
    workspace, bundle = released
    lineage = bundle.lineage()
    assert lineage is not None
    assert lineage.run == trained.runs[0] == bundle.manifest.run
    assert lineage.snapshot == bundle.manifest.snapshot
    assert lineage.environment == hashlib.sha256(bundle.document(layout.ENVIRONMENT)).hexdigest()
    assert lineage.source == "csv:rows.csv"
    (rows,) = lineage.ancestors
    assert rows.digest == f"sha256:{hashlib.sha256((workspace.root / 'rows.csv').read_bytes()).hexdigest()}"


def test_every_step_is_looked_for_and_found(released: tuple[Workspace, Bundle]) -> None:
    workspace, bundle = released
    found = walk(workspace, "shop")
    assert (found.bundle.digest, found.bundle.here) == (bundle.id, True)
    assert step(found, "run").here is True
    assert step(found, "snapshot").here is True
    assert "300 rows of 5 columns" in step(found, "snapshot").found
    assert step(found, "config.yaml").found == "kept with the run"
    assert step(found, "environment").here is True
    assert [(use.what, use.digest) for use in found.used_by] == [
        ("policy of shop", bundle.id),
        ("shop@latest", bundle.id),
    ]
    assert found.used_by[0].found.startswith(f"champion, version {number_of(workspace)}, revision ")


def test_the_commit_is_looked_for_in_the_repository(released: tuple[Workspace, Bundle], tmp_path: Path) -> None:
    workspace, bundle = released
    assert step(walk(workspace, "shop"), "code").found == "trained outside a repository"
    git = ["git", "-C", str(tmp_path), "-c", "user.name=t", "-c", "user.email=t@example.com"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "first"], check=True)
    commit = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    for wanted, told, here in ((commit, "in this repository", True), ("0" * 40, "not in this repository", False)):
        copy = changed(bundle, tmp_path / wanted, commit=wanted)
        code = step(walk(replace(workspace, root=tmp_path), str(copy)), "code")
        assert (code.digest, code.found, code.here) == (wanted, told, here)


def test_what_is_gone_or_changed_is_told_and_ends_nothing(released: tuple[Workspace, Bundle]) -> None:
    workspace, _ = released
    (path,) = (workspace.store / "data" / "shop").glob("*.parquet")
    path.unlink()
    found = walk(workspace, "shop")
    assert step(found, "snapshot").here is False
    assert step(found, "run").here is True
    elsewhere = replace(workspace, tracking_uri=f"sqlite:///{workspace.store / 'other.db'}")
    found = walk(elsewhere, "shop")
    assert step(found, "run").here is False
    assert step(found, "config.yaml").here is None


def test_a_bundle_to_which_a_rollback_would_return_is_used_by_the_policy(
    trained: Trained, released: tuple[Workspace, Bundle], tmp_path: Path
) -> None:
    workspace, bundle = released
    release(workspace, trained.name, trained.runs[1])
    (use,) = walk(workspace, f"shop:{bundle.id[:12]}").used_by
    assert (use.what, use.found.split(",")[0]) == ("policy of shop", "previous")
    other = changed(bundle, tmp_path / "other", commit="0" * 40)
    assert list(lineage_lines(walk(workspace, str(other))))[-1] == "└─ nothing in this store"


def test_every_policy_that_names_a_bundle_is_found_with_its_role(
    trained: Trained, released: tuple[Workspace, Bundle]
) -> None:
    workspace, bundle = released
    other = release(workspace, trained.name, trained.runs[1]).bundle
    store, one, two = Store(workspace.store), Assigned(1, bundle.id), Assigned(2, other)
    arms = (Arm("a", two), Arm("b", one))
    for policy, role in (
        (Canary(name="shop", champion=two, challenger=one, steps=(0.1, 1.0), salt="s"), "challenger, version 1"),
        (Shadow(name="shop", champion=two, challenger=one, share=0.5, salt="s"), "shadow, version 1"),
        (BlueGreen(name="shop", champion=two, idle=one), "idle, version 1"),
        (Split(name="shop", champion=two, experiment="e", salt="s", arms=arms), "arm b of e, version 1"),
    ):
        store.set_policy(policy, store.policy("shop"))
        (use,) = walk(workspace, f"shop:{bundle.id[:12]}").used_by
        assert use.what == "policy of shop"
        assert use.found == f"{role}, revision 1 ({policy.kind})"


def test_a_student_is_found_from_its_teacher_and_the_teacher_from_its_student(
    released: tuple[Workspace, Bundle], tmp_path: Path
) -> None:
    workspace, bundle = released
    store = Store(workspace.store)
    student = store.put_bundle(changed(bundle, tmp_path / "student", teacher=bundle.id))
    assert ("student shop", student) in [(use.what, use.digest) for use in walk(workspace, "shop").used_by]
    teacher = step(walk(workspace, f"shop:{student[:12]}"), "teacher")
    assert (teacher.digest, teacher.found) == (bundle.id, "released here as shop")


def test_another_bundle_that_is_damaged_ends_nothing(trained: Trained, released: tuple[Workspace, Bundle]) -> None:
    workspace, bundle = released
    other = release(workspace, trained.name, trained.runs[1])
    (other.folder / layout.LINEAGE).write_text("{}")
    assert walk(workspace, f"shop:{bundle.id[:12]}").bundle.here is True


def test_a_bundle_of_the_first_format_has_the_lineage_of_its_manifest(
    released: tuple[Workspace, Bundle], tmp_path: Path
) -> None:
    workspace, bundle = released
    first = changed(bundle, tmp_path / "first", without=layout.LINEAGE)
    assert Bundle.open(first).lineage() is None
    found = walk(workspace, str(first))
    assert step(found, "run").digest == bundle.manifest.run
    assert step(found, "snapshot").parents[0].what == "source not recorded"


def test_the_tree_is_drawn_and_a_version_is_told_in_lines(released: tuple[Workspace, Bundle]) -> None:
    workspace, bundle = released
    tree = list(lineage_lines(walk(workspace, "shop")))
    assert tree[0].startswith(f"✓ bundle of shop {bundle.id[:12]}")
    assert any(line.startswith("│  └─ source csv:rows.csv") for line in tree)
    told = dict(line.split(None, 1) for line in version_lines(workspace, "shop"))
    assert told["model"] == "shop (latest)"
    assert told["version"] == bundle.id
    number = number_of(workspace)
    assert told["registered"] == f"shop:{number}, live (champion)"
    assert told["released"].endswith(f" by {whoami(workspace).name}")
    assert told["promoted"].endswith(f" by {whoami(workspace).name}: released")
    assert told["used"].startswith(f"by    policy of shop: champion, version {number}")
    assert told["predicts"] == "bought, one of no, yes (binary)"
    assert told["columns"] == "4 (2 numeric, 2 categorical)"
    assert told["metrics"].startswith("auc ")
    with pytest.raises(NotFoundError):
        list(version_lines(workspace, "nothing"))


def changed(bundle: Bundle, folder: Path, without: str | None = None, **fields: str) -> Path:
    """A copy of a bundle with another lineage, or without a file."""
    shutil.copytree(bundle.folder, folder)
    (folder / "manifest.json").unlink()
    path = folder / (without or layout.LINEAGE)
    if without:
        path.unlink()
    else:
        path.write_text(json.dumps({**json.loads(path.read_text()), **fields}))
    manifest = bundle.manifest
    write_bundle(
        folder,
        name=manifest.name,
        created=manifest.created,
        git_commit=manifest.git_commit,
        run=manifest.run,
        snapshot=manifest.snapshot,
        environment=manifest.environment,
        runtime=manifest.runtime,
    )
    return folder
