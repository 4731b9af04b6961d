"""What labels say of the model in use, and what breaks a bound."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from tabi import evidence
from tabi.cli.main import app
from tabi.errors import ConfigError
from tabi.monitoring.question import Asked
from tabi.monitoring.report import Report, lines_of, monitor
from tabi.monitoring.sections import SECTIONS
from tabi.predictions import FeedbackLine, FeedbackLog, PredictionLine
from tabi.workspace import Workspace
from tests.monitoring.conftest import NAME, Write

ROWS = 600
OURS = {"traffic", "performance", "business", "drift"}
TOWNS = ("a'b", "Ōsaka", "")


def fill(home: Workspace, write: Write, version: str, arm: str = "", good: float = 0.6, days: int = 1) -> None:
    """Answers of a model that is right as often as `good` says, and the labels of two thirds of them."""
    random = np.random.default_rng(5)
    now = time.time()
    lines, labels = [], []
    for place in range(ROWS):
        happened = bool(place % 2)
        p = float(np.clip(random.normal(0.5 + (good - 0.5) * (1 if happened else -1), 0.2), 0.01, 0.99))
        inputs: list[float | str | None] = [float(place % 40), 1.0, TOWNS[place % 3], "x"]
        label = "yes" if p >= 0.5 else "no"
        request = f"{arm}-{place}"
        ago = 60 + (place % days) * 86400
        lines.append(PredictionLine(request, 0, now - ago, NAME, version, inputs, label, p, [], 1.0, arm))
        if place % 3:
            true, worth = ("yes", 3.0) if happened else ("no", 1.0)
            labels.append(FeedbackLine(request, now, NAME, now - 30, id=request, label=true, value=worth))
    write(lines)
    FeedbackLog(home.predictions).append(labels)


def ask(home: Workspace, **more: Any) -> Report:
    return monitor(home, Asked(NAME, timedelta(days=7), **more), [each for each in SECTIONS if each.key in OURS])


def project(home: Workspace, text: str) -> None:
    folder = home.projects / NAME
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(f"source: csv:rows.csv\ntarget: bought\n{text}")


def test_live_figures_stand_beside_those_of_the_release(home: Workspace, write: Write, version: str) -> None:
    fill(home, write, version, good=0.65)
    found = ask(home).sections["performance"]
    (group,) = found.figures["groups"]
    assert (group["rows"], group["labelled"]) == (ROWS, ROWS * 2 // 3)
    auc = group["measures"]["auc"]
    assert auc["low"] < auc["value"] < auc["high"]
    assert group["release"]["auc"] == pytest.approx(0.8377777)
    assert set(group["measures"]) == {"auc", "acc_at_threshold", "f1_at_threshold", "log_loss", "brier", "ece"}
    assert any(line.startswith("  at release") for line in found.lines)


def test_two_versions_stand_side_by_side_and_few_labels_are_said_to_be_few(
    home: Workspace, write: Write, version: str
) -> None:
    fill(home, write, version, arm="champion")
    write([PredictionLine("one", 0, time.time() - 9, NAME, "f" * 64, [], "yes", 0.6, [], 1.0, "challenger")])
    text = "\n".join(lines_of(ask(home)))
    assert f"{version[:12]} now" in text
    assert "ffffffffffff" in text
    assert "0 (0.0%) few" in text


def test_a_broken_bound_fails_and_is_evidence(
    home: Workspace, write: Write, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(home, write, version, good=0.5)
    project(home, "monitor: {minimum: {auc: 0.8}}\n")
    monkeypatch.setenv("TABI_HOME", str(home.root))
    monkeypatch.setenv("TABI_STORE", str(home.store))
    shown = CliRunner().invoke(app, ["monitor", NAME])
    assert shown.exit_code == 1
    assert "breaks monitor.minimum.auc 0.8" in shown.stdout
    (record,) = evidence.read(home.evidence, "performance")
    assert (record.verdict, record.inputs["bundle"]) == ("fail", version)


@pytest.mark.parametrize(
    ("text", "verdict", "words"),
    [
        ("", "warn", "worse than 0.8378 at the release"),
        ("monitor: {minimum: {auc: 0.4}, maximum: {log_loss: 5}}\n", "warn", "worse than"),
        ("monitor: {maximum: {log_loss: 0.1}}\n", "fail", "breaks monitor.maximum.log_loss 0.1"),
        ("monitor: {minimum: {rmse: 1}}\n", "fail", "there is no measure 'rmse', there are auc"),
        ("monitor: {minimum: {auc: 0.99}, least_rows: 5000}\n", "warn", "400 labels of this version, 5000 are needed"),
    ],
)
def test_the_verdict_is_that_of_the_bounds(
    home: Workspace, write: Write, version: str, text: str, verdict: str, words: str
) -> None:
    fill(home, write, version, good=0.5)
    project(home, text)
    found = ask(home).sections["performance"]
    assert found.verdict == verdict
    assert words in found.reason


def test_windows_and_slices_are_shown_apart(home: Workspace, write: Write, version: str) -> None:
    fill(home, write, version, days=3)
    cut = ask(home, window=timedelta(days=1), by="town").sections["performance"].figures["cut"]
    assert len({group["begin"] for group in cut}) >= 3
    assert {group["slice"] for group in cut} == {"a'b", "Ōsaka", "(missing)"}
    assert sum(group["rows"] for group in cut) == ROWS
    quarters = ask(home, by="age").sections["performance"].figures["cut"]
    assert [group["slice"].partition(":")[0] for group in quarters] == ["1", "2", "3", "4"]
    with pytest.raises(ConfigError, match="--by 'ages' is no column of shop: there are age, visits"):
        ask(home, by="ages")


def test_the_business_value_has_its_mean_by_version(home: Workspace, write: Write, version: str) -> None:
    fill(home, write, version)
    found = ask(home).sections["business"]
    (group,) = found.figures["groups"]
    assert group["valued"] == 400
    assert group["mean"]["value"] == pytest.approx(2.0)
    assert group["mean"]["low"] < 2.0 < group["mean"]["high"]
    assert [record.verdict for record in evidence.read(home.evidence, "experiment-metric")] == ["pass"]


def test_without_feedback_there_is_nothing_to_judge(home: Workspace, write: Write, version: str) -> None:
    write([PredictionLine("one", 0, time.time() - 9, NAME, version, [1.0, 1.0, "a", "b"], "yes", 0.6, [], 1.0)])
    found = ask(home).sections
    assert (found["performance"].verdict, found["performance"].needed) == ("not judged", 100)
    assert found["performance"].reason.startswith("0 labels of this version")
    assert not list(evidence.read(home.evidence, "performance"))
    assert found["business"].figures["rows"] == 0


def test_an_empty_log_is_a_warning(home: Workspace) -> None:
    report = ask(home)
    assert report.verdict == "warn"
    assert not Path(home.predictions).exists()


def test_columns_that_the_log_does_not_hold_are_not_shown_apart_and_do_not_drift(
    home: Workspace, write: Write, version: str
) -> None:
    values: list[float | str | None] = [1.0, None, "0a1b", None]
    write(
        PredictionLine(str(place), 0, time.time() - 9, NAME, version, values, "yes", 0.6, [], 1.0, masked="fnhn")
        for place in range(300)
    )
    for by in ("visits", "plan"):
        with pytest.raises(ConfigError, match="the log does not hold this column as it is"):
            ask(home, by=by)
    found = ask(home, by="town").sections
    assert [group["slice"] for group in found["performance"].figures["cut"]] == ["0a1b"]
    judged = {each["column"] for each in found["drift"].figures["columns"]}
    assert "age" in judged
    assert not judged & {"visits", "town", "plan"}
