"""Layers 0 and 1: what the infrastructure's cycle and a push of an image left, against the code that is here."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.infra.cycle import Cycle, CycleError, Result
from scripts.infra.records import Notes
from tabi.dod import CONDITIONS, Judged
from tabi.dod.evaluate import judge
from tabi.dod.facts import Facts
from tabi.evidence import Record, Verdict, append, read
from tabi.evidence.code import digest_of
from tabi.workspace import Workspace

ZERO = ("infrastructure_in_code", "infrastructure_made_by_command")
DIGEST = "sha256:" + "a" * 64


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("TABI_EVIDENCE", str(tmp_path / "evidence"))
    return Workspace.find(tmp_path)


def one(workspace: Workspace, key: str) -> Judged:
    return judge(Facts(workspace, "shop"), CONDITIONS[key])


def cycle() -> Cycle:
    results = tuple(
        Result(layer, 3, 3, {"apply": 1.0, "second plan": 0.5, "destroy": 0.2}) for layer in ("00-network", "20-ecr")
    )
    return Cycle(results, "Terraform", 2, {"VPCs": 0}, 9.0)


def code(workspace: Workspace) -> Path:
    """The code that the records are about, as it is in this repository."""
    from scripts.infra.layers import TERRAFORM

    folder = workspace.root / "infra" / "terraform"
    folder.parent.mkdir()
    folder.symlink_to(TERRAFORM)
    return folder


def test_a_cycle_proves_the_code_that_it_was_of(home: Workspace) -> None:
    assert {one(home, key).status for key in ZERO} == {"missing"}
    Notes().passed(cycle())
    code(home)
    assert {one(home, key).status for key in ZERO} == {"done"}
    assert "6 resources were planned again without a difference, on moto" in one(home, ZERO[0]).text
    assert [record.kind for record in read(home.evidence)] == [
        "infrastructure-apply",
        "infrastructure-plan",
        "infrastructure-destroy",
    ]


def test_code_that_was_changed_since_makes_it_stale(home: Workspace) -> None:
    Notes().passed(cycle())
    folder = home.root / "infra" / "terraform"
    folder.mkdir(parents=True)
    (folder / "main.tf").write_text("# another")
    assert {one(home, key).status for key in ZERO} == {"stale"}


def test_what_failed_is_failing_and_says_why(home: Workspace) -> None:
    Notes().passed(cycle())
    Notes().failed(CycleError("destroy", "destroy has left something", "all that it printed"))
    code(home)
    assert one(home, ZERO[0]).status == "done"
    found = one(home, ZERO[1])
    assert found.status == "failing"
    assert "destroy has left something" in found.text


@pytest.mark.parametrize(
    ("commit", "dirty", "status"),
    [("c" * 40, "false", "done"), ("c" * 40, "true", "failing"), ("", "false", "failing")],
)
def test_a_change_is_traceable_by_a_clean_commit(home: Workspace, commit: str, dirty: str, status: str) -> None:
    inputs = {"git_commit": commit, "git_dirty": dirty, "code": digest_of(home.root)}
    append(home.evidence, Record(kind="infrastructure-apply", subject="dev", verdict="pass", inputs=inputs))
    assert one(home, "infrastructure_changes_traceable").status == status


@pytest.mark.parametrize(
    ("verdict", "digest", "commit", "status"),
    [
        ("pass", DIGEST, "c" * 40, "done"),
        ("pass", "", "c" * 40, "failing"),
        ("pass", DIGEST, "", "failing"),
        ("fail", "", "c" * 40, "failing"),
    ],
)
def test_an_image_is_known_by_its_digest_and_its_commit(
    home: Workspace, verdict: Verdict, digest: str, commit: str, status: str
) -> None:
    assert one(home, "images_by_digest").status == "missing"
    inputs = {"digest": digest, "git_commit": commit}
    figures = {} if verdict == "pass" else {"reason": "it was not pushed"}
    append(home.evidence, Record(kind="image", subject="tabi", verdict=verdict, inputs=inputs, figures=figures))
    assert one(home, "images_by_digest").status == status
