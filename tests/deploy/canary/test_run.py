"""A canary over the real registry, with counters that a test gives: what it does, and what it leaves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tabi.deploy.canary.judge import Bounds
from tabi.deploy.canary.modes import once
from tabi.deploy.canary.run import run
from tabi.deploy.history import deployments_of
from tabi.errors import ConflictError, DeployError
from tabi.evidence import Record, append, read
from tabi.policy import Canary, Policy
from tabi.registry import steer
from tabi.registry.rollback import rollback
from tabi.registry.room import Room
from tabi.workspace import Workspace
from tests.deploy.canary.rollouts import PLACE, PLAN, Told, copied, stock
from tests.registry.governed import NAME

pytestmark = pytest.mark.system


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stock(tmp_path_factory.mktemp("stocked"))


@pytest.fixture
def shop(tmp_path: Path, stocked: Path) -> Workspace:
    """Version 1 is the champion, version 2 waits."""
    return copied(stocked, tmp_path)


def policy(workspace: Workspace) -> Policy:
    found = steer.policy_now(workspace, NAME)
    assert found is not None
    return found


def outcomes(workspace: Workspace) -> Iterator[tuple[str, str]]:
    for each in deployments_of(Room.open(workspace), NAME):
        yield each.revision.partition(": ")[2], each.outcome


def test_a_canary_that_passes_every_step_is_promoted(shop: Workspace) -> None:
    said: list[str] = []
    told = run(shop, PLACE, PLAN, lambda: Told(shop), said.append)
    assert told == "adult:2 is the champion: every step of its canary passed"
    assert (policy(shop).kind, policy(shop).champion.version) == ("single", 2)
    assert list(outcomes(shop)) == [("10%", "succeeded"), ("100%", "succeeded")]
    assert [line for line in said if line.startswith("step")] == [
        "step 1 of 2: 10% of the units go to adult:2",
        "step 2 of 2: 100% of the units go to adult:2",
    ]
    record = next(read(shop.evidence, "canary"))
    assert (record.verdict, [step["share"] for step in record.figures["steps"]]) == ("pass", [0.1, 1.0])
    assert rollback(shop, NAME, reason="bad").version == 1


def test_a_canary_that_fails_gives_everything_back(shop: Workspace) -> None:
    with pytest.raises(DeployError, match=r"at 10%, the champion answers: errors: 30\.00% of its requests failed"):
        run(shop, PLACE, PLAN, lambda: Told(shop, 0.3), lambda _: None)
    assert (policy(shop).kind, policy(shop).champion.version) == ("single", 1)
    assert list(outcomes(shop)) == [("10%", "failed")]
    assert next(read(shop.evidence, "canary")).verdict == "fail"


def test_who_rolls_back_meanwhile_is_right(shop: Workspace) -> None:
    def meddle(look: int) -> None:
        if look == 1:
            rollback(shop, NAME, reason="I do not like it")

    plan = replace(PLAN, bounds=Bounds(least=500))
    with pytest.raises(ConflictError, match="was ended by another"):
        run(shop, PLACE, plan, lambda: Told(shop, before=meddle), lambda _: None)
    assert (policy(shop).kind, policy(shop).champion.version) == ("single", 1)
    assert list(outcomes(shop)) == [("10%", "failed")]


def test_what_was_stopped_stands_is_told_and_resumed(shop: Workspace) -> None:
    def stop(look: int) -> None:
        if look == 3:
            raise KeyboardInterrupt

    said: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        run(shop, PLACE, PLAN, lambda: Told(shop, before=stop), said.append)
    assert said[-1].startswith("stopped: 100% of the units go on to adult:2; `tabi deploy adult --resume` goes on")
    standing = policy(shop)
    assert isinstance(standing, Canary)
    assert standing.step == 1
    with pytest.raises(ConflictError, match="a canary policy of adult is under way"):
        run(shop, PLACE, PLAN, lambda: Told(shop), said.append)
    run(shop, PLACE, PLAN, lambda: Told(shop), said.append, resume=True)
    assert policy(shop).champion.version == 2
    assert list(outcomes(shop)) == [("10%", "succeeded"), ("100%", "cut"), ("100%", "succeeded")]
    with pytest.raises(ConflictError, match="no canary of adult is under way"):
        run(shop, PLACE, PLAN, lambda: Told(shop), said.append, resume=True)


def test_labels_that_say_worse_end_it(shop: Workspace) -> None:
    one, two = (version.bundle for version in Room.open(shop).versions(NAME))

    def label(look: int) -> None:
        groups = [
            {"version": bundle, "measures": {"auc": {"value": at, "low": at - 0.01, "high": at + 0.01}}}
            for bundle, at in ((one, 0.92), (two, 0.85))
        ]
        record = Record(kind="performance", subject=NAME, verdict="pass", figures={"groups": groups})
        append(shop.evidence, record)

    with pytest.raises(DeployError, match=r"performance: auc 0\.8500 against 0\.9200"):
        run(shop, PLACE, PLAN, lambda: Told(shop, before=label), lambda _: None)


def test_a_change_of_the_policy_is_a_deployment_whether_it_went_well_or_not(shop: Workspace) -> None:
    once(shop, PLACE, "copies", lambda: steer.shadow(shop, NAME, 0.1), lambda _: None)
    with pytest.raises(ConflictError):
        once(shop, PLACE, "again", lambda: steer.shadow(shop, NAME, 0.1), lambda _: None)
    found = deployments_of(Room.open(shop), NAME)
    assert [(each.outcome, each.version, each.reason) for each in found] == [
        ("succeeded", 2, "copies"),
        ("failed", None, "again"),
    ]
