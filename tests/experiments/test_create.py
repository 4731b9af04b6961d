"""From a question to a policy that divides the units, and back: over real bundles, a real store and state database."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tabi.dod import CONDITIONS
from tabi.dod.evaluate import judge
from tabi.dod.facts import Facts
from tabi.errors import ConfigError, ConflictError, NotFoundError
from tabi.evidence import read as read_evidence
from tabi.experiments.create import Asked, create, plan
from tabi.experiments.divide import divides
from tabi.experiments.end import stop
from tabi.experiments.history import listed, one
from tabi.experiments.look import look
from tabi.policy import Single, Split
from tabi.predictions import FeedbackLine, FeedbackLog, PredictionLine, PredictionLog, encode_lines
from tabi.registry.audit import rows_of
from tabi.registry.promote import promote
from tabi.registry.rollback import rollback
from tabi.registry.room import Room
from tabi.registry.traffic import publish_numbers
from tabi.registry.versions import Version, add
from tabi.workspace import Workspace
from tests.experiments.conftest import DAY
from tests.registry.governed import CLOSED, CONFIG, NAME, bundle_in_store

ASKED = Asked(
    hypothesis="deeper trees are right more often",
    arms=("old=1", "deep=2:3"),
    metric="feedback",
    effect="10%",
    guardrails=("latency:5%",),
    baseline=0.2,
    per_day=5000.0,
)


@pytest.fixture(scope="session")
def _stocked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("experiments")
    workspace = Workspace.find(root, {"TABI_TRACKING_URI": CLOSED})
    (workspace.projects / NAME).mkdir(parents=True)
    _config(workspace)
    room = Room.open(workspace)
    with room.database.writing() as connection:
        for number in (1, 2, 3):
            bundle = bundle_in_store(room, "run", number).id
            moment = "2026-11-21T09:00:00+00:00"
            add(connection, Version(NAME, number, bundle, "run", "2" * 64, "candidate", "{}", "tom", "ann", moment))
    publish_numbers(room, NAME)
    promote(workspace, NAME, 1)
    room.database.engine.dispose()
    return root


@pytest.fixture
def shop(_stocked: Path, tmp_path: Path) -> Workspace:
    """A model of three versions, the first of them champion; MLflow is down."""
    shutil.copytree(_stocked, tmp_path / "home")
    return Workspace.find(tmp_path / "home", {"TABI_TRACKING_URI": CLOSED})


def _config(workspace: Workspace, more: str = "") -> None:
    (workspace.projects / NAME / "config.yaml").write_text(CONFIG + more)


def asked(**changes: object) -> Asked:
    return Asked(**{**ASKED.__dict__, **changes})


def policy(workspace: Workspace) -> Single | Split:
    stored = Room.open(workspace).store.policy(NAME)
    assert stored is not None
    assert isinstance(stored.policy, Single | Split)
    return stored.policy


def test_an_experiment_divides_the_units_by_its_own_salt_and_is_shipped(shop: Workspace) -> None:
    kept, _ = create(shop, NAME, ASKED)
    held = policy(shop)
    assert isinstance(held, Split)
    assert (held.experiment, held.salt, held.champion.version) == ("experiment-1", kept.salt, 1)
    assert [(arm.name, arm.assigned.version, arm.weight) for arm in held.arms] == [("old", 1, 1.0), ("deep", 2, 3.0)]
    assert kept.plan.plan.units[1] == pytest.approx(3 * kept.plan.plan.units[0], abs=3)
    assert judge(Facts(shop, NAME), CONDITIONS["experiment_history_kept"]).status == "missing"

    ended = stop(shop, NAME, "deep", "it  is right\nmore often")
    assert (ended.kept.decision, ended.kept.reason) == ("deep", "it is right more often")
    held = policy(shop)
    assert isinstance(held, Single)
    assert (held.champion.version, held.previous and held.previous.version) == (2, 1)
    found = judge(Facts(shop, NAME), CONDITIONS["experiment_history_kept"])
    assert found.status == "done"
    assert "it is right more often" in found.text
    # what it said at last can be read again
    again, reading = look(shop, NAME)
    assert again == ended.kept
    assert reading == ended.reading
    assert json.loads(ended.kept.result)["line"] == reading.line


@pytest.mark.system
def test_back_to_the_champion_leaves_it_as_it_was(shop: Workspace) -> None:
    create(shop, NAME, ASKED)
    stop(shop, NAME, None, "nothing came of it")
    held = policy(shop)
    assert isinstance(held, Single)
    assert held.champion.version == 1
    assert one(Room.open(shop), NAME).decision == ""
    with Room.open(shop).database.reading() as connection:
        acts = [row.action for row in rows_of(connection, NAME)]
    assert acts.count("experiment create") == acts.count("experiment start") == acts.count("experiment stop") == 1
    with pytest.raises(ConflictError, match="was stopped by"):
        stop(shop, NAME, None, "again")


@pytest.mark.system
def test_shipping_the_control_is_a_decision_too(shop: Workspace) -> None:
    create(shop, NAME, ASKED)
    assert stop(shop, NAME, "old", "it holds").kept.decision == "old"
    assert isinstance(policy(shop), Single)


@pytest.mark.system
def test_one_open_experiment_at_a_time(shop: Workspace) -> None:
    create(shop, NAME, ASKED)
    with pytest.raises(ConflictError, match="experiment-1 of adult is running"):
        create(shop, NAME, ASKED)
    assert len(listed(Room.open(shop), NAME)) == 1


@pytest.mark.system
def test_a_version_that_may_not_be_promoted_gets_no_units_and_is_not_shipped(shop: Workspace) -> None:
    _config(shop, "approval: {required: true}\n")
    with pytest.raises(ConflictError, match="is not approved"):
        create(shop, NAME, ASKED)
    assert listed(Room.open(shop)) == []
    _config(shop)
    create(shop, NAME, ASKED)
    _config(shop, "approval: {required: true}\n")
    with pytest.raises(ConflictError, match="is not approved"):
        stop(shop, NAME, "deep", "better")
    # the refusal ends nothing
    assert isinstance(policy(shop), Split)
    assert one(Room.open(shop), NAME).state == "running"


def test_what_cannot_be_an_experiment_is_refused_before_anything_is_kept(shop: Workspace) -> None:
    for wrong in (
        {"arms": ("old=1",)},
        {"arms": ("old=1", "old=2")},
        {"arms": ("old=1", "deep")},
        {"arms": ("old=1", "deep=2:0")},
        {"hypothesis": " "},
        {"metric": "revenue"},
        {"guardrails": ("latency",)},
        {"effect": "-5%"},
        {"alpha": 0.0},
        {"window_hours": -1.0},
        {"per_day": 0.0},
        {"baseline": None},
    ):
        with pytest.raises(ConfigError):
            create(shop, NAME, asked(**wrong))
    with pytest.raises(NotFoundError):
        create(shop, NAME, asked(arms=("old=1", "deep=9")))
    with pytest.raises(ConflictError, match="must be the champion"):
        create(shop, NAME, asked(arms=("deep=2", "old=1")))
    assert listed(Room.open(shop)) == []
    assert isinstance(policy(shop), Single)


@pytest.mark.system
def test_a_plan_takes_baseline_and_traffic_from_the_log_and_begins_nothing(shop: Workspace) -> None:
    now = datetime.now(UTC).timestamp()
    rows = [
        PredictionLine(f"r{n}", 0, now - 2 * DAY + n * DAY / 500, NAME, "v", [1.0], "yes", 0.7, [], 2.0, unit=f"u{n}")
        for n in range(1000)
    ]
    log = PredictionLog(shop.predictions, 0)
    assert log.append(encode_lines(rows), 1000)
    log.close()
    FeedbackLog(shop.predictions).append(
        [FeedbackLine(f"k{n}", now, NAME, now, id=f"r{n}", value=8.0) for n in range(0, 1000, 4)]
    )
    design, notes = plan(shop, NAME, asked(metric="value", baseline=None, per_day=None))
    assert design.plan.baseline == pytest.approx(2.0)
    assert design.plan.deviation == pytest.approx(12**0.5, rel=0.01)
    assert design.plan.per_day == pytest.approx(500, rel=0.01)
    assert notes == []
    assert plan(shop, NAME, asked(metric="feedback", baseline=None)).design.plan.baseline == pytest.approx(0.25)
    assert listed(Room.open(shop)) == []
    assert isinstance(policy(shop), Single)


@pytest.mark.system
def test_a_rollback_of_somebody_else_is_told_and_the_experiment_can_be_closed(shop: Workspace) -> None:
    kept, _ = create(shop, NAME, ASKED)
    room = Room.open(shop)
    assert divides(room, kept)
    rollback(shop, NAME, reason="errors rose")
    assert not divides(room, kept)
    _, reading = look(shop, NAME)
    assert "does not divide the units any more" in reading.notes[0]
    stop(shop, NAME, None, "it was rolled back")
    assert isinstance(policy(shop), Single)
    assert {each.kind for each in read_evidence(shop.evidence)} >= {"experiment", "rollback"}


@pytest.mark.system
def test_equal_versions_make_an_a_a_test(shop: Workspace) -> None:
    create(shop, NAME, asked(arms=("a=1", "b=1")))
    assert isinstance(policy(shop), Split)


KILLED = """
import os, signal, sys
from pathlib import Path
from tabi.experiments import create, end, history
from tabi.workspace import Workspace
from tests.experiments.test_create import ASKED, NAME
setattr(create if sys.argv[2] == "divide" else history, sys.argv[2], lambda *rest: os.kill(os.getpid(), signal.SIGKILL))
workspace = Workspace.find(Path(sys.argv[1]), {"TABI_TRACKING_URI": sys.argv[3]})
if sys.argv[2] == "stopped":
    end.stop(workspace, NAME, "deep", "better")
else:
    create.create(workspace, NAME, ASKED)
"""


def killed_at(workspace: Workspace, where: str) -> None:
    command = [sys.executable, "-c", KILLED, str(workspace.root), where, CLOSED]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.system
@pytest.mark.parametrize("where", ["divide", "started"])
def test_one_that_was_killed_while_it_began_can_be_ended_and_another_begun(shop: Workspace, where: str) -> None:
    killed_at(shop, where)
    kept, reading = look(shop, NAME)
    assert kept.state == "begun"
    # the policy follows after the design is kept, so nobody is divided by what nobody knows of
    assert isinstance(policy(shop), Single if where == "divide" else Split)
    assert bool([note for note in reading.notes if "does not divide" in note]) == (where == "divide")
    stop(shop, NAME, None, "it was cut")
    assert isinstance(policy(shop), Single)
    assert create(shop, NAME, ASKED)[0].number == 2


@pytest.mark.system
def test_one_that_was_killed_while_it_ended_is_ended_by_the_same_command(shop: Workspace) -> None:
    create(shop, NAME, ASKED)
    killed_at(shop, "stopped")
    assert one(Room.open(shop), NAME).state == "running"
    stop(shop, NAME, "deep", "better")
    assert one(Room.open(shop), NAME).decision == "deep"
    assert policy(shop).champion.version == 2
