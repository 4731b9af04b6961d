from __future__ import annotations

from pathlib import Path

import pytest

from tabi import evidence
from tabi.errors import ConfigError, ConflictError, ForbiddenError, NotFoundError
from tabi.registry import approval
from tabi.registry.approval import approve, reject
from tabi.registry.audit import rows_of
from tabi.registry.identity import ROLES, Identity
from tabi.registry.promote import promote
from tabi.registry.room import Room
from tabi.registry.versions import Version
from tabi.training.tracking import tracking_client
from tabi.workspace import Workspace
from tests.registry.governed import CONFIG, NAME


@pytest.fixture(autouse=True)
def _as_eve(monkeypatch: pytest.MonkeyPatch) -> None:
    become(monkeypatch, "eve")


def become(monkeypatch: pytest.MonkeyPatch, name: str, roles: frozenset[str] = ROLES) -> None:
    monkeypatch.setattr(approval, "whoami", lambda _: Identity(name, "user", roles))


def rules(workspace: Workspace, text: str) -> None:
    path: Path = workspace.projects / NAME / "config.yaml"
    path.write_text(f"{CONFIG}approval: {text}\n")


def version(workspace: Workspace, number: int) -> Version:
    return Room.open(workspace).versions(NAME)[number - 1]


def test_where_approval_is_required_nothing_is_promoted_without(shop: Workspace) -> None:
    rules(shop, "{required: true}")
    with pytest.raises(ConflictError, match=r"adult:3 is not approved, and approval.required .* `tabi approve adult 3"):
        promote(shop, NAME)
    assert Room.open(shop).store.policy(NAME) is None
    done = approve(shop, NAME, 3, "figures\nlook right")
    assert (done.version.state, done.by, done.version.reason) == ("approved", "eve", "figures look right")
    assert promote(shop, NAME).version == 3


def test_a_judgement_is_kept_in_the_trail_the_evidence_and_mlflow(mirrored: Workspace) -> None:
    approve(mirrored, NAME, 1, "good")
    reject(mirrored, NAME, 2, "unfair")
    with Room.open(mirrored).database.reading() as connection:
        rows = [(r.action, r.object, r.actor, r.reason) for r in rows_of(connection, NAME)][-2:]
    assert rows == [("approve", "adult:1", "eve", "good"), ("reject", "adult:2", "eve", "unfair")]
    for kind, number, reason in (("approve", 1, "good"), ("reject", 2, "unfair")):
        (record,) = evidence.read(mirrored.evidence, kind)
        figures = record.figures
        assert (figures["version"], figures["by"], figures["reason"]) == (number, "eve", reason)
    found = tracking_client(mirrored).search_model_versions(f"name = '{NAME}'")
    assert {int(v.version): v.tags["tabi.state"] for v in found} == {1: "approved", 2: "rejected", 3: "candidate"}


def test_what_is_rejected_is_not_promoted_until_somebody_changes_their_mind(shop: Workspace) -> None:
    reject(shop, NAME, 3, "unfair")
    assert Room.open(shop).store.versions(NAME).versions.challenger == 2
    with pytest.raises(ConflictError, match=r"adult:3 was rejected by eve \(unfair\): run `tabi approve adult 3"):
        promote(shop, NAME, 3)
    approve(shop, NAME, 3, "it was a mistake")
    assert promote(shop, NAME, 3).version == 3
    with pytest.raises(ConflictError, match="adult:3 is live: promote another or roll back first"):
        reject(shop, NAME, 3, "late")


@pytest.mark.parametrize(("who", "what"), [("ann", "released"), ("tom", "trained")])
def test_of_two_people_who_made_a_version_may_not_approve_it_but_reject(
    shop: Workspace, monkeypatch: pytest.MonkeyPatch, who: str, what: str
) -> None:
    rules(shop, "{required: true, two_person: true}")
    become(monkeypatch, who)
    with pytest.raises(ForbiddenError, match=f"'{who}' {what} adult:1, and approval.two_person is true"):
        approve(shop, NAME, 1, "mine is fine")
    assert version(shop, 1).state == "candidate"
    reject(shop, NAME, 1, "I was wrong")
    become(monkeypatch, "eve")
    assert approve(shop, NAME, 1, "no, it is fine").version.judged_by == "eve"


def test_of_two_people_nobody_approves_what_nobody_is_known_to_have_trained(
    shop: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy import update

    from tabi.state.tables import versions

    rules(shop, "{two_person: true}")
    with Room.open(shop).database.writing() as connection:
        connection.execute(update(versions).values(trained_by=""))
    with pytest.raises(ForbiddenError, match="nobody knows who trained adult:1"):
        approve(shop, NAME, 1, "good")


def test_only_those_who_are_listed_approve(shop: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    rules(shop, "{approvers: [zoe]}")
    with pytest.raises(ForbiddenError, match=r"'eve' is not among approval.approvers of adult"):
        approve(shop, NAME, 1, "good")
    become(monkeypatch, "zoe")
    assert approve(shop, NAME, 1, "good").by == "zoe"


def test_who_has_not_the_role_may_not(shop: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    become(monkeypatch, "eve", frozenset({"trainer"}))
    for judge in (approve, reject):
        with pytest.raises(ForbiddenError, match="role approver"):
            judge(shop, NAME, 1, "good")


def test_a_reason_and_a_version_are_needed(shop: Workspace) -> None:
    with pytest.raises(ConfigError, match="a reason is needed"):
        approve(shop, NAME, 1, "  ")
    with pytest.raises(NotFoundError, match="adult has no version 9: it has 1, 2, 3"):
        approve(shop, NAME, 9, "good")
