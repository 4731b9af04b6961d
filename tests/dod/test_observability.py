"""Layer 6: what the drill of alerts leaves, and of which bundle."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from scripts.observability.drill.__main__ import leave_evidence
from scripts.observability.drill.drill import Drill, Sounded
from scripts.observability.drill.glance import Answered
from scripts.observability.drill.incident import Cause
from tabi.dod import CONDITIONS, Judged
from tabi.dod.evaluate import judge
from tabi.dod.facts import Facts
from tabi.store import Store
from tabi.workspace import Workspace
from tests.serving.conftest import Harbour, harbour

__all__ = ["harbour"]
KEYS = ("alerts_automatic", "health_at_a_glance", "causes_found_quickly")


def drill(bundle: str, before: list[str]) -> Drill:
    drift, errors = Sounded("TabiColumnDrift", "ticket", 8.5, 5.9), Sounded("TabiErrors", "page", 8.3, 5.7)
    cause = Cause(0.1, "/predict_batch", "503", "in_flight", "a" * 32, "b" * 32, {"status": 503})
    answered = [Answered("service.json", "p95", "up", 1)]
    return Drill("voyage", bundle, "age", before, drift, errors, cause, answered)


@pytest.fixture
def home(harbour: Harbour, tmp_path: Path) -> Workspace:
    shutil.copytree(harbour.store.root, tmp_path / "store")
    return Workspace.find(tmp_path, {})


def judged(workspace: Workspace) -> dict[str, Judged]:
    return {key: judge(Facts(workspace, "voyage"), CONDITIONS[key]) for key in KEYS}


def test_a_drill_over_the_current_bundle_proves_all_three(home: Workspace) -> None:
    assert {found.status for found in judged(home).values()} == {"missing"}
    leave_evidence(home, drill(Store(home.store).resolve("voyage").name, []), 43.0)
    found = judged(home)
    assert {each.status for each in found.values()} == {"done"}
    assert found["alerts_automatic"].text == "told were TabiColumnDrift after 8.5 s, TabiErrors after 8.3 s"
    assert found["causes_found_quickly"].text == "TabiErrors: in_flight, found by its request id"


def test_a_drill_over_another_bundle_is_stale(home: Workspace) -> None:
    leave_evidence(home, drill("f" * 64, []), 43.0)
    assert {each.status for each in judged(home).values()} == {"stale"}


def test_an_alert_without_a_cause_fails(home: Workspace) -> None:
    leave_evidence(home, drill(Store(home.store).resolve("voyage").name, ["TabiSlow"]), 43.0)
    found = judged(home)["alerts_automatic"]
    assert found.status == "failing"
    assert "sounded without a cause: TabiSlow" in found.text
