"""The commands of an experiment, from the plan to the decision."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tabi.registry.promote import promote
from tabi.registry.room import Room
from tabi.registry.traffic import publish_numbers
from tabi.registry.versions import Version, add
from tabi.workspace import Workspace
from tests.cli.conftest import Tabi
from tests.registry.governed import CLOSED, CONFIG, NAME, bundle_in_store

CREATE = (
    "experiment", "create", NAME, "--hypothesis", "deeper is better", "--arm", "old=1", "--arm", "deep=2",
    "--metric", "feedback", "--effect", "20%", "--guardrail", "latency:5%", "--baseline", "0.2",
    "--units-per-day", "1000",
)  # fmt: skip


@pytest.fixture
def shop(tmp_path: Path, tabi: Tabi, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a model of two versions, of which the first is champion."""
    monkeypatch.setenv("TABI_TRACKING_URI", CLOSED)
    (tmp_path / "projects" / NAME).mkdir(parents=True)
    (tmp_path / "projects" / NAME / "config.yaml").write_text(CONFIG)
    workspace = Workspace.find(tmp_path)
    room = Room.open(workspace)
    with room.database.writing() as connection:
        for number in (1, 2):
            moment = "2026-11-21T09:00:00+00:00"
            bundle = bundle_in_store(room, "run", number).id
            add(connection, Version(NAME, number, bundle, "run", "2" * 64, "candidate", "{}", "tom", "ann", moment))
    publish_numbers(room, NAME)
    promote(workspace, NAME, 1)
    return tmp_path


@pytest.mark.system
def test_an_experiment_is_planned_begun_looked_at_and_stopped(shop: Path, tabi: Tabi) -> None:
    planned = tabi(shop, *CREATE, "--plan")
    assert planned.code == 0
    assert "units together; a test that is looked at once, at the end, would need" in planned.out
    assert json.loads(tabi(shop, *CREATE, "--plan", "--json").out)["experiment"] is None
    assert tabi(shop, "experiment", "list").out == "no experiment yet\n"

    begun = tabi(shop, *CREATE)
    assert begun.code == 0, begun.err
    assert begun.out.endswith("experiment-1 of adult runs: `tabi experiment status adult` says how it goes\n")
    assert begun.out.startswith(planned.out)

    page = shop / "page.html"
    looked = tabi(shop, "experiment", "status", NAME, "--html", str(page))
    assert looked.out.splitlines()[-1].startswith("go on: 0 of ")
    assert page.read_text().startswith("<!doctype html>")
    document = json.loads(tabi(shop, "experiment", "status", NAME, "--json").out)
    assert (document["kept"]["state"], document["reading"]["action"]) == ("running", "go on")

    stopped = tabi(shop, "experiment", "stop", NAME, "--ship", "deep", "--reason", "fewer calls")
    assert stopped.out.endswith("experiment-1 of adult is stopped: deep is shipped\n")
    (listed,) = json.loads(tabi(shop, "experiment", "list", NAME, "--json").out)
    assert (listed["decision"], listed["reason"], listed["result"]["action"]) == ("deep", "fewer calls", "go on")
    assert "deep was shipped, fewer calls" in tabi(shop, "experiment", "status", NAME).out
    assert "fewer calls" in tabi(shop, "experiment", "list").out


def test_what_is_not_clear_is_one_line_and_exit_code_2(shop: Path, tabi: Tabi) -> None:
    said = tabi(shop, "experiment", "stop", NAME, "--reason", "why")
    assert (said.code, said.err) == (2, "tabi: say either --ship ARM or --back\n")
    said = tabi(shop, "experiment", "status", NAME)
    assert said.code == 2
    assert said.err.startswith("tabi: adult has no experiment")
    said = tabi(shop, *CREATE, "--plan", "--effect", "much")
    assert said.code == 2
    assert said.err.count("\n") == 1
