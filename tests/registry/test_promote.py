from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from tabi import evidence
from tabi.errors import BundleError, ConflictError, NotFoundError, StoreError
from tabi.policy import Assigned, Single
from tabi.registry import journal
from tabi.registry.audit import rows_of, verify
from tabi.registry.heal import heal
from tabi.registry.models import models
from tabi.registry.promote import begin, promote, promote_version, resume
from tabi.registry.rollback import rollback
from tabi.registry.room import Room
from tabi.registry.traffic import follow_policy, settle, write_policy
from tabi.training.tracking import tracking_client
from tabi.workspace import Workspace
from tests.registry.governed import ANN, NAME, Champions, Tracked, bundle_in_store, champions, registered


def states(workspace: Workspace) -> list[str]:
    return [version.state for version in Room.open(workspace).versions(NAME)]


def test_the_newest_candidate_is_promoted_everywhere_at_once(mirrored: Workspace) -> None:
    moved = promote(mirrored, NAME, reason="first")
    assert (moved.version, moved.before, moved.notes) == (3, None, ())
    assert champions(mirrored) == Champions(3, 3, 3, 3)
    assert states(mirrored) == ["candidate", "candidate", "live"]
    assert promote(mirrored, NAME, 1).before == 3
    assert champions(mirrored) == Champions(1, 1, 1, 1)
    assert states(mirrored) == ["live", "candidate", "retired"]
    store = Room.open(mirrored).store
    known = Room.open(mirrored).versions(NAME)
    refs = ("adult", "adult@champion", "adult@previous", "adult@challenger", "adult:3")
    assert [store.resolve(ref).name for ref in refs] == [known[number - 1].bundle for number in (1, 1, 3, 2, 3)]
    assert [finding for finding in store.verify() if finding.severity == "error"] == []


def test_mlflow_mirrors_aliases_and_states(mirrored: Workspace) -> None:
    promote(mirrored, NAME, 1)
    promote(mirrored, NAME, 2)
    client = tracking_client(mirrored)
    aliases = client.get_registered_model(NAME).aliases
    assert {alias: int(number) for alias, number in aliases.items()} == {"champion": 2, "previous": 1, "challenger": 3}
    tags = {int(v.version): v.tags["tabi.state"] for v in client.search_model_versions(f"name = '{NAME}'")}
    assert tags == {1: "retired", 2: "live", 3: "candidate"}


def test_every_move_is_in_the_audit_trail_and_in_the_evidence(shop: Workspace) -> None:
    promote(shop, NAME, 1, "good enough")
    with Room.open(shop).database.reading() as connection:
        row = list(rows_of(connection, NAME))[-1]
    assert (row.action, row.object, row.reason) == ("promote", "adult:1", "good enough")
    assert '"champion":1' in row.after
    assert verify(shop).findings == ()
    (record,) = evidence.read(shop.evidence, "promote")
    assert (record.subject, record.figures["version"], record.figures["reason"]) == (NAME, 1, "good enough")


def test_promoting_the_champion_again_changes_nothing(shop: Workspace) -> None:
    promote(shop, NAME, 2)
    before = Room.open(shop).store.policy(NAME)
    assert promote(shop, NAME, 2).changed is False
    assert Room.open(shop).store.policy(NAME) == before


def test_what_cannot_be_promoted_is_told_and_nothing_changes(shop: Workspace) -> None:
    with pytest.raises(NotFoundError, match="no version 9: it has 1, 2, 3"):
        promote(shop, NAME, 9)
    with pytest.raises(NotFoundError, match="nothing has no version: run `tabi release nothing`"):
        promote(shop, "nothing")
    room = Room.open(shop)
    (room.store.open_path(NAME, room.versions(NAME)[1].bundle) / "model.onnx").write_bytes(b"another")
    with pytest.raises(BundleError, match=r"model\.onnx"):
        promote(shop, NAME, 2)
    assert room.store.policy(NAME) is None
    promote(shop, NAME, 3)
    with pytest.raises(NotFoundError, match="adult has no challenger"):
        promote(shop, NAME)


def test_a_policy_that_was_changed_since_it_was_looked_at_is_a_conflict(shop: Workspace) -> None:
    promote(shop, NAME, 1)
    room = Room.open(shop)
    with pytest.raises(ConflictError, match=r"somebody else .* first: adult:2 waits, `tabi promote adult 2`"):
        promote_version(room, room.versions(NAME)[1], ANN, "", [], seen=0)
    assert champions(shop) == Champions(1, 1, 1)


def cut_before_policy(room: Room, operation: journal.Operation) -> None:
    """Nothing but the journal."""


def cut_after_policy(room: Room, operation: journal.Operation) -> None:
    write_policy(room, operation)


def cut_after_latest(room: Room, operation: journal.Operation) -> None:
    write_policy(room, operation)
    follow_policy(room, NAME)


def cut_after_states(room: Room, operation: journal.Operation) -> None:
    write_policy(room, operation)
    follow_policy(room, NAME)
    settle(room, operation)


DOWN = (
    "the tracking server 127.0.0.1:9 cannot be reached (Connection refused): MLflow's aliases follow with the next "
    "command that reaches it"
)
CUTS = [cut_before_policy, cut_after_policy, cut_after_latest, cut_after_states]
Cut = Callable[[Room, journal.Operation], None]


def cut_short(workspace: Workspace, cut: Cut, number: int = 2) -> None:
    """A promotion that ends after a step."""
    room = Room.open(workspace)
    stored = room.store.policy(NAME)
    assert stored is not None
    target = room.versions(NAME)[number - 1]
    previous, seen = stored.policy.champion, stored.policy.revision
    cut(room, begin(room, "promote", target, ANN, "cut", previous=previous, seen=seen))


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("healer", [resume, models, partial(promote, number=2)])
def test_a_promotion_that_was_cut_after_any_step_is_finished_by_the_next_command(
    shop: Workspace, cut: Cut, healer: Callable[[Workspace, str], object]
) -> None:
    promote(shop, NAME, 1)
    cut_short(shop, cut)
    healer(shop, NAME)
    assert champions(shop) == Champions(2, 2, 2)
    assert DOWN in resume(shop, NAME)
    with Room.open(shop).database.reading() as connection:
        acts = [(row.action, row.object, row.actor) for row in rows_of(connection, NAME)]
    assert acts.count(("promote", "adult:2", "ann")) == 1
    assert len([r for r in evidence.read(shop.evidence, "promote") if r.figures["version"] == 2]) == 1


@pytest.mark.parametrize("cut", CUTS)
def test_a_rollback_finishes_what_was_cut_and_returns_to_what_was_before(shop: Workspace, cut: Cut) -> None:
    promote(shop, NAME, 1)
    cut_short(shop, cut)
    rollback(shop, NAME, reason="bad")
    models(shop, NAME)
    assert champions(shop) == Champions(1, 1, 1)


def test_what_was_cut_before_it_was_decided_is_given_up_if_its_bundle_is_broken(shop: Workspace) -> None:
    promote(shop, NAME, 1)
    cut_short(shop, cut_before_policy)
    room = Room.open(shop)
    (room.store.open_path(NAME, room.versions(NAME)[1].bundle) / "model.onnx").unlink()
    assert resume(shop, NAME)[:-1] == ["gave up the promote of adult:2, which was cut: its bundle is not whole"]
    assert champions(shop) == Champions(1, 1, 1)
    assert promote(shop, NAME, 3).before == 1


def test_one_who_sleeps_over_a_step_does_no_harm_when_others_go_on(shop: Workspace) -> None:
    promote(shop, NAME, 1)
    room = Room.open(shop)
    stored = room.store.policy(NAME)
    assert stored is not None
    operation = begin(
        room, "promote", room.versions(NAME)[1], ANN, "", previous=stored.policy.champion, seen=stored.policy.revision
    )
    promote(shop, NAME, 3)
    write_policy(room, operation)
    follow_policy(room, NAME)
    settle(room, operation)
    assert champions(shop) == Champions(3, 3, 3)


def test_one_whose_policy_was_overtaken_is_told(shop: Workspace) -> None:
    promote(shop, NAME, 1)
    room = Room.open(shop)
    one, two, _ = room.versions(NAME)
    operation = begin(room, "promote", two, ANN, "", previous=None, seen=1)
    stored = room.store.policy(NAME)
    room.store.set_policy(Single(name=NAME, champion=Assigned(1, one.bundle), revision=9), stored)
    with pytest.raises(ConflictError, match="somebody else changed the policy of adult first"):
        write_policy(room, operation)
    assert DOWN in resume(shop, NAME)
    assert champions(shop) == Champions(1, 1, 1)


def test_two_operations_on_a_model_cannot_be_under_way(shop: Workspace) -> None:
    room = Room.open(shop)
    one, two, _ = room.versions(NAME)
    begin(room, "promote", one, ANN, "", previous=None, seen=0)
    with pytest.raises(ConflictError, match="another operation on adult"):
        begin(room, "promote", two, ANN, "", previous=None, seen=0)


def test_a_policy_that_was_lost_is_written_again_from_the_states(shop: Workspace) -> None:
    promote(shop, NAME, 1)
    promote(shop, NAME, 2)
    path = shop.store / "models" / NAME
    before = Room.open(shop).store.policy(NAME)
    assert before is not None
    for name in ("policy.json", "versions.json"):
        (path / name).unlink()
    shutil.rmtree(path / "latest")
    assert models(shop, NAME)[1][:-1] == ["wrote the policy of adult again, which was missing"]
    after = Room.open(shop).store.policy(NAME)
    assert after is not None
    assert (after.policy.uses, after.policy.revision) == (before.policy.uses, before.policy.revision + 1)
    assert champions(shop) == Champions(2, 2, 2)


def test_states_follow_a_policy_that_somebody_else_wrote(shop: Workspace) -> None:
    promote(shop, NAME, 1)
    room = Room.open(shop)
    stored = room.store.policy(NAME)
    two = room.versions(NAME)[1]
    room.store.set_policy(Single(name=NAME, champion=Assigned(2, two.bundle), revision=2), stored)
    assert heal(room, NAME) == ["made adult:2 live, as the policy says"]
    promote(shop, NAME, 2)
    assert champions(shop) == Champions(2, 2, 2)


def test_a_tracking_server_that_is_down_stops_no_promotion_and_is_told_later(mirrored: Workspace) -> None:
    promote(mirrored, NAME, 1)
    down = replace(mirrored, tracking_uri="http://127.0.0.1:9")
    (note,) = promote(down, NAME, 2).notes
    assert "the tracking server 127.0.0.1:9 cannot be reached" in note
    assert champions(mirrored) == Champions(2, 2, 2, 1)
    models(mirrored)
    assert champions(mirrored) == Champions(2, 2, 2, 2)


def test_a_version_that_was_deleted_in_mlflow_stays_one_here(mirrored: Workspace) -> None:
    promote(mirrored, NAME, 1)
    tracking_client(mirrored).delete_model_version(NAME, "2")
    assert promote(mirrored, NAME, 2).notes == ("adult:2 was deleted in MLflow: it stays a version here",)
    assert champions(mirrored) == Champions(2, 2, 2, None)


def test_the_same_bundle_has_one_number(mirrored: Workspace, tracked: Tracked) -> None:
    again = registered(mirrored, tracked, 2)
    assert again.version == 2
    assert len(Room.open(mirrored).versions(NAME)) == 3
    assert len(tracking_client(mirrored).search_model_versions(f"name = '{NAME}'")) == 3


def test_a_registration_that_was_cut_after_mlflow_finds_its_number_again(mirrored: Workspace, tracked: Tracked) -> None:
    from tabi.registry.mirror import number_of

    room = Room.open(mirrored)
    bundle = bundle_in_store(room, tracked.runs[0], 4)
    number = number_of(mirrored, NAME, bundle.id, bundle.manifest.run, bundle.manifest.snapshot)
    assert registered(mirrored, tracked, 4).version == number == 4


def test_another_tracking_server_that_counts_anew_is_refused(mirrored: Workspace, tracked: Tracked) -> None:
    database = mirrored.root / "other.db"
    shutil.copy(tracked.database, database)
    other = replace(mirrored, tracking_uri=f"sqlite:///{database}")
    with pytest.raises(ConflictError, match="MLflow gave the number 1, which adult has already"):
        registered(other, tracked, 5)
    assert [version.version for version in Room.open(mirrored).versions(NAME)] == [1, 2, 3]


def test_a_store_that_cannot_be_read_is_told_and_stops_no_list(shop: Workspace) -> None:
    promote(shop, NAME, 1)
    (shop.store / "models" / NAME / "policy.json").write_text("{")
    with pytest.raises(StoreError):
        promote(shop, NAME, 2)
