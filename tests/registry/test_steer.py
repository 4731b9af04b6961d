"""Policies are written through the journal, and every way out of them works."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tabi.errors import BundleError, ConfigError, ConflictError, NotFoundError
from tabi.policy import BlueGreen, Canary, Policy, Shadow, Single, Split, challenger_in
from tabi.registry import steer
from tabi.registry.approval import approve, reject
from tabi.registry.audit import rows_of, verify
from tabi.registry.models import models
from tabi.registry.promote import promote
from tabi.registry.protected import protected_ids
from tabi.registry.rollback import rollback
from tabi.registry.room import Room
from tabi.registry.steer import ArmPlan
from tabi.registry.upkeep import collect_garbage
from tabi.store.gc import Rules
from tabi.workspace import Workspace
from tests.registry.governed import NAME, champions

STEPS = (0.05, 0.5, 1.0)
TRIALS: dict[str, Callable[[Workspace], object]] = {
    "canary": lambda workspace: steer.canary(workspace, NAME, STEPS, 3),
    "blue-green": lambda workspace: steer.blue_green(workspace, NAME, 3),
    "shadow": lambda workspace: steer.shadow(workspace, NAME, 0.1, 3),
    "split": lambda workspace: steer.split(workspace, NAME, "prices", [ArmPlan("old", 2), ArmPlan("new", 3)]),
}


@pytest.fixture
def live(shop: Workspace) -> Workspace:
    """Versions 1 and 2 were promoted one after the other; 3 waits."""
    promote(shop, NAME, 1)
    promote(shop, NAME, 2)
    return shop


def policy(workspace: Workspace) -> Policy:
    found = steer.policy_now(workspace, NAME)
    assert found is not None
    return found


def states(workspace: Workspace) -> list[str]:
    return [version.state for version in Room.open(workspace).versions(NAME)]


OTHERS = [pytest.param(kind, marks=pytest.mark.system) for kind in ("blue-green", "shadow", "split")]


@pytest.mark.parametrize("kind", ["canary", *OTHERS])
def test_a_trial_leaves_the_champion_what_it_was(live: Workspace, kind: str) -> None:
    TRIALS[kind](live)
    found = policy(live)
    assert (found.kind, found.champion.version, found.revision) == (kind, 2, 3)
    assert found.previous is not None
    assert found.previous.version == 1
    assert {each.version for each in found.uses} == {1, 2, 3}
    assert states(live) == ["retired", "live", "candidate"]
    assert champions(live).latest == 2
    (listed, notes) = models(live, NAME)
    # nobody listens where MLflow would be
    assert [note for note in notes if "tracking server" not in note] == []
    assert [each.version.version for each in listed if "challenger" in each.aliases] == [3]


@pytest.mark.system
@pytest.mark.parametrize("kind", ["canary", *OTHERS])
@pytest.mark.parametrize(
    ("way_out", "champion"),
    [
        (lambda w: promote(w, NAME), 3),
        (lambda w: promote(w, NAME, 2), 2),
        (lambda w: promote(w, NAME, 1), 1),
        (lambda w: rollback(w, NAME, reason="bad"), 2),
        (lambda w: rollback(w, NAME, to=1, reason="bad"), 1),
        (lambda w: steer.end(w, NAME), 2),
    ],
    ids=["promote", "promote-champion", "promote-other", "rollback", "rollback-to", "end"],
)
def test_every_way_out_of_a_trial_ends_it(
    live: Workspace, kind: str, way_out: Callable[[Workspace], object], champion: int
) -> None:
    TRIALS[kind](live)
    way_out(live)
    found = policy(live)
    assert isinstance(found, Single)
    assert found.champion.version == champion
    assert states(live)[champion - 1] == "live"
    assert states(live).count("live") == 1
    # and the way back is what it would have been without the trial
    if champion == 2:
        assert rollback(live, NAME, reason="bad").version == 1


def test_a_promotion_that_ends_a_trial_says_so(live: Workspace) -> None:
    steer.canary(live, NAME, STEPS, 3)
    assert f"the canary policy has ended: {NAME}:1 answers everything" in promote(live, NAME, 1).notes
    assert not [note for note in promote(live, NAME, 2).notes if "has ended" in note]


def test_a_canary_goes_on_step_by_step_with_the_same_salt(live: Workspace) -> None:
    first = steer.canary(live, NAME, STEPS, reason="try it").policy
    assert isinstance(first, Canary)
    assert first.weight == 0.05
    second = steer.step(live, NAME, 1, first.revision).policy
    assert isinstance(second, Canary)
    assert (second.weight, second.salt, second.challenger) == (0.5, first.salt, first.challenger)
    with pytest.raises(ConflictError, match="somebody else"):
        steer.step(live, NAME, 2, first.revision)
    with pytest.raises(ConfigError, match="no step 4"):
        steer.step(live, NAME, 3, second.revision)


def test_blue_green_switches_there_and_back_and_a_rollback_returns(live: Workspace) -> None:
    steer.blue_green(live, NAME)
    switched = steer.switch(live, NAME).policy
    assert isinstance(switched, BlueGreen)
    assert (switched.champion.version, switched.idle.version) == (3, 2)
    assert states(live) == ["retired", "retired", "live"]
    assert steer.switch(live, NAME).policy.champion.version == 2
    assert steer.switch(live, NAME).policy.champion.version == 3
    assert rollback(live, NAME, reason="bad").version == 2
    assert isinstance(policy(live), Single)
    with pytest.raises(ConflictError, match="no idle version"):
        steer.switch(live, NAME)


@pytest.mark.system
def test_two_things_are_not_tried_at_once(live: Workspace) -> None:
    TRIALS["canary"](live)
    for again in TRIALS.values():
        with pytest.raises(ConflictError, match="a canary policy of adult is under way"):
            again(live)


@pytest.mark.system
def test_only_what_may_be_promoted_sees_traffic(live: Workspace) -> None:
    reject(live, NAME, 3, "unfair")
    for attempt in TRIALS.values():
        with pytest.raises(ConflictError, match="was rejected"):
            attempt(live)
    assert isinstance(policy(live), Single)


@pytest.mark.system
def test_a_version_that_nobody_approved_waits_where_an_approval_is_required(live: Workspace) -> None:
    config = live.projects / NAME / "config.yaml"
    config.write_text(config.read_text() + "approval:\n  required: true\n")
    with pytest.raises(ConflictError, match="not approved"):
        steer.canary(live, NAME, STEPS, 3)
    approve(live, NAME, 3, "looked at")
    assert steer.canary(live, NAME, STEPS, 3).policy.kind == "canary"
    assert states(live)[2] == "approved"


@pytest.mark.system
def test_a_broken_bundle_sees_no_traffic(live: Workspace) -> None:
    room = Room.open(live)
    (room.store.open_path(NAME, room.versions(NAME)[2].bundle) / "model.onnx").write_bytes(b"")
    with pytest.raises(BundleError):
        steer.canary(live, NAME, STEPS, 3)
    assert isinstance(policy(live), Single)


WRONG: tuple[Callable[[Workspace], object], ...] = (
    lambda w: steer.canary(w, NAME, (), 3),
    lambda w: steer.canary(w, NAME, (0.5, 0.5), 3),
    lambda w: steer.canary(w, NAME, (0.5, 1.5), 3),
    lambda w: steer.shadow(w, NAME, 0.0, 3),
    lambda w: steer.split(w, NAME, "e", [ArmPlan("a", 2)]),
    lambda w: steer.split(w, NAME, "e", [ArmPlan("a", 2), ArmPlan("a", 3)]),
    lambda w: steer.split(w, NAME, "E!", [ArmPlan("a", 2), ArmPlan("b", 3)]),
    lambda w: steer.split(w, NAME, "e", [ArmPlan("a", 2, 0.0), ArmPlan("b", 3, 0.0)]),
)


@pytest.mark.system
def test_what_cannot_be_is_refused_before_anything_is_written(live: Workspace) -> None:
    for wrong in WRONG:
        with pytest.raises(ConfigError):
            wrong(live)
    assert policy(live).revision == 2


@pytest.mark.system
def test_there_must_be_a_champion_and_another_version(shop: Workspace) -> None:
    with pytest.raises(NotFoundError, match="no champion"):
        steer.canary(shop, NAME, STEPS, 1)
    promote(shop, NAME, 3)
    with pytest.raises(ConflictError, match="adult:3 is the champion"):
        steer.canary(shop, NAME, STEPS, 3)
    with pytest.raises(NotFoundError, match="no challenger"):
        steer.canary(shop, NAME, STEPS)
    assert steer.end(shop, NAME).notes == ("nothing of adult is being tried",)


@pytest.mark.system
def test_the_audit_trail_says_what_was_tried_and_the_store_keeps_it(live: Workspace) -> None:
    steer.split(live, NAME, "prices", [ArmPlan("old", 1, 2.0), ArmPlan("new", 3)], reason="is it  better?")
    with Room.open(live).database.reading() as connection:
        row = next(row for row in reversed(list(rows_of(connection))) if row.action == "split")
    assert (row.action, row.object, row.reason) == ("split", "adult:1", "is it better?")
    assert '"experiment":"prices"' in row.after
    assert verify(live).findings == ()
    found = policy(live)
    assert isinstance(found, Split)
    assert {arm.assigned.bundle for arm in found.arms} <= protected_ids(live)
    assert collect_garbage(live, Rules(keep=1, grace=0), lambda _: None) == 0


@pytest.mark.system
def test_a_challenger_is_what_the_policy_tries(live: Workspace) -> None:
    steer.shadow(live, NAME, 0.5, 1)
    found = policy(live)
    assert isinstance(found, Shadow)
    assert challenger_in(found) is not None
    listed, _ = models(live, NAME)
    assert [each.version.version for each in listed if "challenger" in each.aliases] == [1]
    assert Room.open(live).store.resolve(f"{NAME}@challenger").name == found.challenger.bundle
