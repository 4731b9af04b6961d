"""The condition of canary and blue-green releases, from rollouts over the real registry."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tabi.deploy.canary.modes import blue_green
from tabi.deploy.canary.run import run
from tabi.dod import CONDITIONS, Judged
from tabi.dod.evaluate import judge
from tabi.dod.facts import Facts
from tabi.errors import DeployError
from tabi.registry import steer
from tabi.registry.rollback import rollback
from tabi.workspace import Workspace
from tests.deploy.canary.rollouts import PLACE, PLAN, Told, copied, stock
from tests.registry.governed import NAME


def found(workspace: Workspace) -> Judged:
    return judge(Facts(workspace, NAME), CONDITIONS["canary_and_blue_green"])


@pytest.mark.system
def test_canary_and_blue_green_are_done_once_each_went_through(tmp_path: Path) -> None:
    workspace = copied(stock(tmp_path), tmp_path / "own")
    assert found(workspace).status == "missing"
    run(workspace, PLACE, PLAN, lambda: Told(workspace), lambda _: None)
    assert (found(workspace).status, found(workspace).text) == ("missing", "no version was brought by blue-green yet")

    rollback(workspace, NAME, reason="for the other way")
    blue_green(workspace, PLACE, 2, [], "at once", lambda _: None)
    assert found(workspace).status == "done"
    assert found(workspace).text.startswith("a canary of 2 steps, and a switch in ")

    steer.end(workspace, NAME)
    rollback(workspace, NAME, reason="once more")
    with pytest.raises(DeployError):
        run(workspace, PLACE, replace(PLAN, number=2), lambda: Told(workspace, 0.5), lambda _: None)
    assert found(workspace).status == "done", "its gates work, too"
