from __future__ import annotations

import shutil
from dataclasses import replace

import pytest

from tabi import evidence
from tabi.errors import BundleError, ConfigError, ConflictError, NotFoundError
from tabi.registry.approval import reject
from tabi.registry.audit import rows_of
from tabi.registry.journal import Operation, lived
from tabi.registry.models import models
from tabi.registry.promote import promote
from tabi.registry.rollback import rollback
from tabi.registry.room import Room
from tabi.training.tracking import tracking_client
from tabi.workspace import Workspace
from tests.registry.governed import CLOSED, NAME, Champions, champions


@pytest.fixture
def busy(shop: Workspace) -> Workspace:
    """All three versions were promoted one after the other."""
    for number in (1, 2, 3):
        promote(shop, NAME, number)
    return shop


@pytest.fixture
def busy_mirrored(busy: Workspace, mirrored: Workspace) -> Workspace:
    """The same with MLflow, which knows it all."""
    models(mirrored)
    return mirrored


def now_served(workspace: Workspace) -> int:
    """The version to which the store alone leads a server."""
    room = Room.open(workspace)
    bundle = room.store.resolve(NAME).name
    return next(version.version for version in room.versions(NAME) if version.bundle == bundle)


def test_a_rollback_returns_to_the_version_before(busy_mirrored: Workspace) -> None:
    moved = rollback(busy_mirrored, NAME, reason="errors rose")
    assert (moved.version, moved.before) == (2, 3)
    # MLflow is not asked; the next command that imports it tells it
    assert champions(busy_mirrored) == Champions(2, 2, 2, 3)
    models(busy_mirrored)
    assert champions(busy_mirrored) == Champions(2, 2, 2, 2)
    assert [version.state for version in Room.open(busy_mirrored).versions(NAME)] == ["retired", "live", "retired"]


def test_a_second_rollback_goes_one_further_back_and_never_to_what_was_rolled_away(busy: Workspace) -> None:
    assert rollback(busy, NAME, reason="bad").version == 2
    assert rollback(busy, NAME, reason="bad too").version == 1
    with pytest.raises(NotFoundError, match="adult:1 was the first that was live"):
        rollback(busy, NAME, reason="worse")
    assert promote(busy, NAME, 3).before == 1
    assert rollback(busy, NAME, reason="still bad").version == 1


def test_a_rollback_to_a_number_goes_as_far(busy: Workspace) -> None:
    assert rollback(busy, NAME, to=1, reason="far").version == 1
    stored = Room.open(busy).store.policy(NAME)
    assert stored is not None
    assert stored.policy.previous is None
    assert rollback(busy, NAME, to=3, reason="there and back").version == 3


def test_the_reason_is_needed_and_kept(busy: Workspace) -> None:
    with pytest.raises(ConfigError, match="a reason is needed"):
        rollback(busy, NAME, reason=" \n")
    rollback(busy, NAME, reason="errors\nrose")
    with Room.open(busy).database.reading() as connection:
        row = list(rows_of(connection, NAME))[-1]
    assert (row.action, row.object, row.reason, row.before) == ("rollback", "adult:2", "errors rose", '{"champion":3}')
    assert [record.figures["reason"] for record in evidence.read(busy.evidence, "rollback")] == ["errors rose"]


@pytest.mark.parametrize("damage", ["changed", "a file is gone", "the manifest is gone", "all is gone", "latest too"])
def test_it_works_when_the_bundle_that_answers_is_broken_or_gone(busy: Workspace, damage: str) -> None:
    folder = Room.open(busy).store.resolve(NAME)
    if damage == "changed":
        (folder / "model.onnx").write_bytes(b"\0" * 2000)
    elif damage == "a file is gone":
        (folder / "model.onnx").unlink()
    elif damage == "the manifest is gone":
        (folder / "manifest.json").unlink()
    else:
        shutil.rmtree(folder)
    if damage == "latest too":
        (busy.store / "models" / NAME / "latest" / "manifest.json").write_text("half")
    assert rollback(busy, NAME, reason="broken").version == 2
    assert now_served(busy) == 2


@pytest.mark.parametrize("where", [CLOSED, "sqlite:////nowhere/at/all.db"])
def test_it_works_when_the_tracking_server_is_down(busy: Workspace, where: str) -> None:
    down = replace(busy, tracking_uri=where)
    assert rollback(down, NAME, reason="bad").notes == ()
    assert now_served(down) == 2


def test_it_works_when_the_version_was_deleted_in_mlflow(busy_mirrored: Workspace) -> None:
    tracking_client(busy_mirrored).delete_model_version(NAME, "3")
    assert rollback(busy_mirrored, NAME, reason="bad").version == 2
    models(busy_mirrored)
    assert champions(busy_mirrored) == Champions(2, 2, 2, 2)


def test_it_works_when_all_of_the_model_was_deleted_in_mlflow(busy_mirrored: Workspace) -> None:
    tracking_client(busy_mirrored).delete_registered_model(NAME)
    assert rollback(busy_mirrored, NAME, reason="bad").version == 2
    _, notes = models(busy_mirrored)
    assert notes == ["MLflow could not be told (RESOURCE_DOES_NOT_EXIST): the next command on adult does it"]
    assert now_served(busy_mirrored) == 2


def test_a_target_that_is_broken_or_rejected_is_refused_and_another_can_be_named(busy: Workspace) -> None:
    room = Room.open(busy)
    (room.store.open_path(NAME, room.versions(NAME)[1].bundle) / "model.onnx").write_bytes(b"another")
    with pytest.raises(BundleError, match=r"model\.onnx"):
        rollback(busy, NAME, reason="bad")
    reject(busy, NAME, 2, "it leaks the target")
    with pytest.raises(ConflictError, match=r"adult:2 was rejected \(it leaks the target\)"):
        rollback(busy, NAME, reason="bad")
    assert now_served(busy) == 3
    assert rollback(busy, NAME, to=1, reason="bad").version == 1


def test_what_was_never_live_or_is_live_is_no_target(shop: Workspace) -> None:
    with pytest.raises(NotFoundError, match="adult has no champion"):
        rollback(shop, NAME, reason="bad")
    promote(shop, NAME, 1)
    with pytest.raises(ConflictError, match=r"adult:2 was never live: run `tabi promote adult 2`"):
        rollback(shop, NAME, to=2, reason="bad")
    with pytest.raises(ConflictError, match="adult:1 is the champion already"):
        rollback(shop, NAME, to=1, reason="bad")


def test_no_rollback_imports_mlflow_or_a_training_library(busy: Workspace) -> None:
    import subprocess
    import sys

    script = (
        "import sys; sys.modules.update(dict.fromkeys(('mlflow', 'sklearn', 'pandas', 'omegaconf')));"
        "from tabi.cli.main import main; main()"
    )
    environment = {"TABI_HOME": str(busy.root), "PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", script, "rollback", NAME, "--reason", "bad"],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "adult:2" in done.stdout
    assert now_served(busy) == 2


def move(kind: str, number: int) -> Operation:
    bundle = f"{number}" * 64
    return Operation("", NAME, kind, number, bundle, None, None, 1, "ann", "user", "", "", "decided")  # type: ignore[arg-type]


def test_the_way_back_is_that_of_promotions_less_what_was_rolled_away() -> None:
    moves = [("promote", 1), ("promote", 2), ("promote", 3), ("rollback", 2), ("promote", 4), ("promote", 2)]
    ways = [[a.version for a in lived([move(*m) for m in moves[:length]])] for length in range(1, 7)]
    assert ways == [[1], [1, 2], [1, 2, 3], [1, 2], [1, 2, 4], [1, 2, 4, 2]]
