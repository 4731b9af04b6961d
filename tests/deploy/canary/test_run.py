"""A canary over the real registry, with counters that a test gives: what it does, and what it leaves."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tabi.deploy.canary.judge import Bounds
from tabi.deploy.canary.meter import ArmCounts
from tabi.deploy.canary.modes import once
from tabi.deploy.canary.run import Plan, run
from tabi.deploy.history import Place, deployments_of
from tabi.errors import ConflictError, DeployError
from tabi.evidence import Record, append, read
from tabi.policy import Canary, Policy
from tabi.registry import steer
from tabi.registry.promote import promote
from tabi.registry.rollback import rollback
from tabi.registry.room import Room
from tabi.workspace import Workspace
from tests.registry.governed import CLOSED, NAME, governed, make_tracked, registered

PLACE = Place(NAME, "local", "dev")
PLAN = Plan((0.1, 1.0), 0.0, bounds=Bounds(least=50), look=0.0)


@pytest.fixture(scope="module")
def _stocked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("stocked") / "home"
    tracked = make_tracked(tmp_path_factory.mktemp("tracked"))
    workspace = governed(root, tracked)
    for seed in (1, 2):
        registered(workspace, tracked, seed)
    promote(replace(workspace, tracking_uri=CLOSED), NAME, 1)
    return root


@pytest.fixture
def shop(tmp_path: Path, _stocked: Path) -> Workspace:
    """Version 1 is the champion, version 2 waits."""
    shutil.copytree(_stocked, tmp_path / "home")
    return replace(Workspace.find(tmp_path / "home", {"TABI_HOME": str(tmp_path / "home")}), tracking_uri=CLOSED)


class Told:
    """Counters that grow by so much at each look; `before` is called at each."""

    def __init__(self, workspace: Workspace, errors: float = 0.0, before: Callable[[int], None] | None = None) -> None:
        versions = Room.open(workspace).versions(NAME)
        self._one, self._two = (version.bundle for version in versions)
        self._errors, self._before, self.looks = errors, before, 0

    def read(self) -> dict[str, ArmCounts]:
        self.looks += 1
        if self._before is not None:
            self._before(self.looks)
        done = 100.0 * self.looks
        return {self._one: ArmCounts(done, 0), self._two: ArmCounts(done, done * self._errors)}

    def problem(self) -> str | None:
        return None


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
