"""What experiments promise, in a thousand runs; and one from its plan to its decision, over a real server."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from benchmarks.experiments import ALPHA, POWER, RUNS, measured
from tabi.dod import CONDITIONS
from tabi.dod.evaluate import judge
from tabi.dod.facts import Facts
from tabi.experiments.create import Asked, create
from tabi.experiments.end import stop
from tabi.experiments.ratio import ALARM
from tabi.policy import assign
from tabi.registry.promote import promote
from tabi.registry.room import Room
from tabi.registry.traffic import publish_numbers
from tabi.registry.versions import Version, add
from tabi.workspace import Workspace
from tests.registry.governed import CLOSED
from tests.serving.conftest import ROW, Harbour, Server, serving
from tests.serving.conftest import harbour as harbour  # noqa: PLC0414 - the store of the fast tests

pytestmark = pytest.mark.system

NAME = "voyage"
UNITS = 1600
RATES = {"old": 0.3, "new": 0.5}
FOLLOWS_S = 30


def test_what_is_promised_holds_in_a_thousand_runs() -> None:
    found = measured(RUNS)
    for name in ("share of 10 %", "share of 1 %", "money, nine of ten spend nothing"):
        ours, usual = found[name]
        assert ours.at_most(ALPHA), name
        assert ours.times < usual.times, name
    assert found["no effect"].at_most(ALPHA)
    assert found["one effect"].at_most(ALPHA)
    for name in ("power share", "power money"):
        rate, day, plan = found[name]
        assert rate.at_least(POWER), name
        assert day == pytest.approx(plan.typical, rel=0.1)
    for split in found["split"]:
        assert split.ours.at_most(ALARM)
    assert found["lost"][-1].ours.at_least(POWER)
    alarms, explained = found["covariate"]
    assert alarms.at_most(ALPHA)
    assert explained == pytest.approx(0.5, abs=0.05)


@pytest.fixture
def workspace(harbour: Harbour, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Two real versions of a model, the older one champion; MLflow is down."""
    for name, value in {"TABI_HOME": str(tmp_path), "TABI_TRACKING_URI": CLOSED}.items():
        monkeypatch.setenv(name, value)
    shutil.copytree(harbour.store.root, tmp_path / "store")
    (tmp_path / "projects" / NAME).mkdir(parents=True)
    (tmp_path / "projects" / NAME / "config.yaml").write_text("source: csv:rows.csv\ntarget: arrived\n")
    found = Workspace.find()
    room = Room.open(found)
    with room.database.writing() as connection:
        for number, bundle in enumerate((harbour.older, harbour.newer), 1):
            moment = "2026-11-21T09:00:00+00:00"
            add(connection, Version(NAME, number, bundle, "run", "2" * 64, "candidate", "{}", "tom", "ann", moment))
    publish_numbers(room, NAME)
    promote(found, NAME, 1)
    return found


def answers(server: Server, units: list[str]) -> dict[str, str]:
    """The version that answered each unit, by one request each."""
    connection, found = server.connect(), {}
    body = json.dumps({"features": ROW})
    for unit in units:
        connection.request("POST", "/predict", body, {"X-Unit-Id": unit})
        response = connection.getresponse()
        reply = json.loads(response.read())
        assert response.status == 200, reply
        found[unit] = reply["version"]
    connection.close()
    return found


def wait_until(server: Server, unit: str, version: str) -> None:
    """Until the server follows the policy by which the version answers the unit."""
    patience = time.monotonic() + FOLLOWS_S
    while answers(server, [unit])[unit] != version:
        assert time.monotonic() < patience, "the server does not follow the policy"
        time.sleep(0.1)


def test_a_lift_is_found_over_a_real_server_and_shipped(workspace: Workspace, harbour: Harbour) -> None:
    options = ("--feedback", "public")
    with serving(workspace.store, NAME, options=options, TABI_PREDICTIONS=str(workspace.predictions)) as server:
        asked = Asked(
            hypothesis="the newer one brings more people to their harbour",
            arms=("old=1", "new=2"),
            metric="label=yes",
            effect="50%",
            unit="passenger",
            guardrails=("value:0.5",),
            baseline=0.3,
            per_day=200.0,
        )
        kept, _ = create(workspace, NAME, asked)
        units = [f"passenger-{number}" for number in range(UNITS)]
        expected = {unit: ("old", "new")[assign(kept.salt, unit, (1.0, 1.0))] for unit in units}
        wait_until(server, next(unit for unit in units if expected[unit] == "new"), harbour.newer)

        answered = answers(server, units)
        arms = {harbour.older: "old", harbour.newer: "new"}
        assert {unit: arms[version] for unit, version in answered.items()} == expected

        random = np.random.default_rng(8)
        told = []
        for unit, arm in expected.items():
            yes = bool(random.random() < RATES[arm])
            told.append({"unit_id": unit, "label": "yes" if yes else "no", "value": 10.0 if yes else 0.0})
        for start in range(0, UNITS, 400):
            status, _, reply = server.ask("POST", "/feedback", json.dumps(told[start : start + 400]).encode())
            assert (status, reply["accepted"]) == (202, 400), reply

        command = [sys.executable, "-m", "tabi", "experiment", "status", NAME, "--json", "--html"]
        page = workspace.root / "page.html"
        said = subprocess.run([*command, str(page)], capture_output=True, text=True, env=os.environ, check=False)
        assert said.returncode == 0, said.stderr
        reading = json.loads(said.stdout)["reading"]
        assert reading["units"] == {arm: list(expected.values()).count(arm) for arm in RATES}
        assert (reading["changed"], reading["feedback"]) == (0, UNITS)
        assert (reading["action"], reading["arm"]) == ("win", "new"), reading["line"]
        low, high = reading["effects"][0]["always"]
        assert low < RATES["new"] - RATES["old"] < high
        assert "<svg" in page.read_text(encoding="utf-8")

        stop(workspace, NAME, "new", "more of them arrive")
        wait_until(server, next(unit for unit in units if expected[unit] == "old"), harbour.newer)
        assert set(answers(server, units[:50]).values()) == {harbour.newer}
        facts = Facts(workspace, NAME)
        keys = ("split_exact", "significance_computed", "business_metric_measurable", "experiment_history_kept")
        assert {key: judge(facts, CONDITIONS[key]).status for key in keys} == dict.fromkeys(keys, "done")
