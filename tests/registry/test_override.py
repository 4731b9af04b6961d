"""A bound stops a release; an approver lets it through, and the trail, the verdicts and the card say so."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tabi import evidence
from tabi.bundle import Bundle
from tabi.errors import ConfigError, ForbiddenError, GateError
from tabi.project import load_config
from tabi.project.config import ApprovalConfig
from tabi.registry.audit import rows_of, verify
from tabi.registry.identity import Identity
from tabi.registry.override import reasons_of, refuse_own
from tabi.registry.release import release
from tabi.state import Database
from tabi.store import Store
from tabi.training.job import train
from tabi.training.runs import load_run
from tabi.workspace import Workspace
from tests.registry.conftest import Trained

WHY = "the old model was never judged by plan; see ticket 7"
LETTERS = "a-row-of-forty-letters-that-nobody-guesses"


@pytest.fixture(scope="module")
def unfair(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, str]:
    """A run whose project bounds a difference between groups that it does not meet; the model does not see `town`."""
    home = tmp_path_factory.mktemp("unfair")
    shutil.copytree(trained.workspace.store / "data", home / "store" / "data")
    workspace = replace(trained.workspace, store=home / "store")
    bounds = ["fairness.sensitive=[town]", "fairness.least_rows=5", "fairness.demographic_parity.fail=0.01"]
    return workspace, train(workspace, load_config(workspace, trained.name, bounds)).run_id


def test_a_bound_stops_the_release_and_the_store_stays(unfair: tuple[Workspace, str]) -> None:
    workspace, run = unfair
    with pytest.raises(GateError, match=r"no bundle of 'shop': gate fairness: demographic parity by town 0\.\d+ \["):
        release(workspace, "shop", run)
    assert Store(workspace.models).latest("shop") is None
    *_, record = evidence.read(workspace.evidence, "release")
    assert record.verdict == "fail"
    (fairness,) = [each for each in record.figures["verdicts"] if each["gate"] == "fairness"]
    assert fairness["figures"]["town_demographic_parity"] > 0.01
    assert set(record.figures["seconds"]) == set(record.figures["gates"])


def test_an_override_lets_it_through_and_is_kept_everywhere(unfair: tuple[Workspace, str]) -> None:
    workspace, run = unfair
    said: list[str] = []
    released = release(workspace, "shop", run, said.append, {"fairness": WHY, "size": "just in case"})
    bundle = Bundle.open(released.folder)
    verdicts = {each["gate"]: each for each in json.loads(bundle.document("gates.json"))}
    fairness = verdicts["fairness"]
    assert fairness["verdict"] == "overridden"
    assert fairness["override"]["reason"] == WHY
    assert fairness["report"] == "reports/fairness.html"
    assert verdicts["size"]["verdict"] == "pass"
    assert any("size did not fail: there is nothing to override" in line for line in said)
    card = bundle.document("MODEL_CARD.md").decode()
    assert f"overridden by {fairness['override']['by']}: {WHY}" in card
    with Database.of(workspace).reading() as connection:
        rows = [row for row in rows_of(connection, "shop") if row.action == "override"]
    assert rows[-1].actor == fairness["override"]["by"]
    assert rows[-1].reason == WHY
    assert json.loads(rows[-1].before)["gate"] == "fairness"
    assert verify(workspace).findings == ()
    # the same again is the same bundle; without the override it does not pass
    again = release(workspace, "shop", run, overrides={"fairness": WHY, "size": "just in case"})
    assert again.bundle == released.bundle
    with pytest.raises(GateError, match="gate fairness"):
        release(workspace, "shop", run)


def test_whoever_is_no_approver_overrides_nothing(
    unfair: tuple[Workspace, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, run = unfair
    digest = hashlib.sha256(LETTERS.encode()).hexdigest()
    workspace.identity.write_text(f'[[token]]\nname = "ci"\nroles = ["releaser"]\nsha256 = "{digest}"\n')
    monkeypatch.setenv("TABI_TOKEN", LETTERS)
    try:
        with pytest.raises(ForbiddenError, match=r"'ci' .* takes the role approver"):
            release(workspace, "shop", run, overrides={"fairness": WHY})
    finally:
        workspace.identity.unlink()


@pytest.mark.parametrize(
    ("rules", "trained_by", "told"),
    [
        ({"two_person": True}, "aki", "'aki' trained shop, and approval.two_person is true: ask another"),
        ({"two_person": True}, "", "nobody knows who trained shop"),
        ({"approvers": ["ben"]}, "", "'aki' is not among approval.approvers of shop"),
    ],
)
def test_the_rules_of_approval_bind_an_override(
    trained: Trained, rules: dict[str, Any], trained_by: str, told: str
) -> None:
    aki = Identity("aki", "user", frozenset({"approver"}))
    run = replace(load_run(trained.workspace, trained.name), trained_by=trained_by)
    with pytest.raises(ForbiddenError, match=told):
        refuse_own(ApprovalConfig(**rules), aki, run)


def test_an_override_by_another_person_is_let_through(trained: Trained) -> None:
    run = replace(load_run(trained.workspace, trained.name), trained_by="aki")
    ben = Identity("ben", "user", frozenset({"approver"}))
    refuse_own(ApprovalConfig(two_person=True, approvers=["ben"]), ben, run)


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        ({"fairnes": WHY}, "--override: there is no gate 'fairnes'; did you mean 'fairness'"),
        ({"parity": WHY}, "--override parity: what is not proved is not released"),
        ({"fairness": " "}, "--override fairness: say why with --reason"),
    ],
)
def test_an_override_that_cannot_be_is_refused_at_once(
    trained: Trained, overrides: dict[str, str], told: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=told):
        release(replace(trained.workspace, store=tmp_path), "no project", overrides=overrides)


def test_a_reason_belongs_to_each_gate_or_to_all() -> None:
    assert reasons_of([], []) == {}
    assert reasons_of(["size", "drift"], ["a"]) == {"size": "a", "drift": "a"}
    assert reasons_of(["size", "drift"], ["a", "b"]) == {"size": "a", "drift": "b"}
    for gates, reasons in ((["size"], []), (["size"], ["a", "b"]), ([], ["a"])):
        with pytest.raises(ConfigError, match="--"):
            reasons_of(gates, reasons)
