"""A reading of a real log: a lift that is there, one that is not, a split that lost units, a covariate, guardrails."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
import pytest

from tabi.dod import CONDITIONS
from tabi.dod.evaluate import judge as judge_condition
from tabi.dod.facts import Facts
from tabi.evidence import read as read_evidence
from tabi.experiments.design import Arm, Design, Plan
from tabi.experiments.history import Kept
from tabi.experiments.metric import read_guardrail, read_metric, read_size
from tabi.experiments.page import page_of
from tabi.experiments.picture import picture
from tabi.experiments.record import record
from tabi.experiments.report import arm_rows, history_lines, plan_lines, reading_json, reading_lines
from tabi.experiments.status import Reading, read
from tabi.predictions import FeedbackLine, FeedbackLog, PredictionLine, PredictionLog, encode_lines
from tabi.workspace import Workspace
from tests.experiments.conftest import DAY, NAME, VERSION, row, told

DAYS = 6
DESIGN = Design(
    hypothesis="new <sells> more",
    unit="customer",
    arms=(Arm("old", 1, VERSION, 1.0), Arm("new", 2, "1" * 64, 1.0)),
    primary=read_metric("label=yes"),
    effect=read_size("20%"),
    plan=Plan(units=(700, 700), fixed=900, baseline=0.3, deviation=0.46, per_day=200, days=7, typical=5.0),
    guardrails=(read_guardrail("latency:10%"),),
)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.find(tmp_path, {})


def begun(design: Design = DESIGN) -> Kept:
    """A design as if it had been begun some days ago."""
    at = (datetime.now(UTC) - timedelta(days=DAYS)).isoformat()
    return Kept(NAME, 1, "running", "5a" * 16, design.to_json(), "ann", at, at)


def write(
    workspace: Workspace,
    rates: dict[str, float],
    counts: tuple[int, ...] = (600, 600),
    ms: tuple[float, ...] = (2.0, 2.0),
    seed: int = 1,
) -> None:
    """Units that came evenly over the days; a share of each arm's bought, which feedback told with its value."""
    random = np.random.default_rng(seed)
    start = datetime.now(UTC).timestamp() - DAYS * DAY + 60
    rows: list[PredictionLine] = []
    feedback: list[FeedbackLine] = []
    for (arm, rate), count, slow in zip(rates.items(), counts, ms, strict=True):
        bundle = next(each.bundle for each in DESIGN.arms if each.name == arm)
        for number, time in enumerate((start + random.uniform(0, (DAYS - 0.1) * DAY, count)).tolist()):
            unit = f"{arm}{number}"
            line = row(unit, time, arm, ms=slow * float(random.gamma(4, 0.25)))
            rows.append(msgspec.structs.replace(line, version=bundle))
            if random.random() < rate:
                feedback.append(told(unit, time + 1, "yes", 10.0))
    log = PredictionLog(workspace.predictions, 0)
    assert log.append(encode_lines(rows), len(rows))
    log.close()
    FeedbackLog(workspace.predictions).append(feedback)


def kinds(workspace: Workspace) -> set[str]:
    return {each.kind for each in read_evidence(workspace.evidence)}


def judged(workspace: Workspace, key: str) -> str:
    return judge_condition(Facts(workspace, NAME), CONDITIONS[key]).status


def test_a_lift_is_found_told_and_proved(workspace: Workspace) -> None:
    kept = begun()
    write(workspace, {"old": 0.3, "new": 0.5})
    reading = read(workspace, kept)
    (effect,) = reading.effects
    assert effect is not None
    assert reading.units == {"old": 600, "new": 600}
    assert (reading.action, reading.arm) == ("win", "new")
    assert effect.always[0] < 0.2 < effect.always[1]
    assert [belief.best > 0.5 for belief in reading.beliefs] == [False, True]
    assert {point.day for point in reading.series} <= set(range(DAYS))
    # the last point is the reading of today
    assert reading.series[-1].always == pytest.approx(effect.always)
    widths = [point.always[1] - point.always[0] for point in reading.series]
    assert widths == sorted(widths, reverse=True)

    for key in ("split_exact", "significance_computed", "business_metric_measurable"):
        assert judged(workspace, key) == "missing"
    record(workspace, kept, reading)
    for key in ("split_exact", "significance_computed", "business_metric_measurable"):
        assert judged(workspace, key) == "done"
    is_shown(kept, reading)


def is_shown(kept: Kept, reading: Reading) -> None:
    """As a table, a page and a document."""
    lines = reading_lines(kept, reading)
    assert lines[-1] == reading.line
    assert lines[-1].startswith("stop: win, ship new: label=yes +")
    page = page_of(kept, reading)
    assert "<svg" in page
    assert "new &lt;sells&gt; more" in page
    assert "http" not in page.replace("http-equiv", "")
    assert "<script" not in page
    for cell in arm_rows(reading)[1]:
        assert cell in page
    document = msgspec.json.decode(reading_json(kept, reading))
    assert document["reading"]["line"] == reading.line
    assert document["kept"]["design"]["hypothesis"] == "new <sells> more"
    assert msgspec.json.decode(msgspec.json.encode(reading), type=Reading) == reading
    assert "1,400 units together" in "\n".join(plan_lines(DESIGN))
    assert "experiment-1" in history_lines([kept])[1]


def test_a_split_that_lost_units_is_broken_and_no_effect_is_read(workspace: Workspace) -> None:
    kept = begun()
    write(workspace, {"old": 0.3, "new": 0.6}, counts=(600, 450))
    reading = read(workspace, kept)
    assert reading.action == "broken"
    assert (reading.effects, reading.guardrails, reading.beliefs, reading.series) == ([], [], [], [])
    assert "old 600, new 450" in reading.line
    assert reading_lines(kept, reading)[-1] == reading.line
    record(workspace, kept, reading)
    assert judged(workspace, "split_exact") == "failing"
    assert judged(workspace, "significance_computed") == "missing"


def test_a_slow_arm_breaks_its_guardrail_whatever_it_sells(workspace: Workspace) -> None:
    kept = begun()
    write(workspace, {"old": 0.3, "new": 0.5}, ms=(2.0, 3.0))
    reading = read(workspace, kept)
    assert [each.state for each in reading.guardrails] == ["broken"]
    assert reading.action == "harm"
    assert "new breaks latency" in reading.line


def test_few_units_are_not_read_and_leave_no_evidence_of_a_result(workspace: Workspace) -> None:
    kept = begun()
    write(workspace, {"old": 0.3, "new": 0.5}, counts=(50, 50))
    reading = read(workspace, kept)
    assert reading.effects == [None]
    assert reading.line.endswith("too few units or events to read")
    record(workspace, kept, reading)
    assert kinds(workspace) == {"experiment-split"}
    assert "–" in "".join(reading_lines(kept, reading))


def test_without_any_traffic_there_is_nothing_but_the_plan(workspace: Workspace) -> None:
    kept = begun()
    reading = read(workspace, kept)
    assert reading.units == {"old": 0, "new": 0}
    assert reading.split_p is None
    assert any("no feedback has come yet" in note for note in reading.notes)
    record(workspace, kept, reading)
    assert kinds(workspace) == set()


def test_what_units_did_before_makes_the_interval_narrower(workspace: Workspace) -> None:
    design = msgspec.structs.replace(DESIGN, primary=read_metric("value"), guardrails=(), effect=read_size("1"))
    kept = begun(design)
    random = np.random.default_rng(2)
    start = datetime.fromisoformat(kept.at).timestamp()
    rows, feedback = [], []
    for number in range(600):
        unit, arm = f"u{number}", DESIGN.arms[number % 2]
        usual = float(random.gamma(4, 5))
        for time, name, version in ((start - DAY, "", VERSION), (start + DAY, arm.name, arm.bundle)):
            rows.append(msgspec.structs.replace(row(unit, time + number, name), version=version))
            feedback.append(told(unit, time + number + 1, value=usual + float(random.normal(0, 3))))
    log = PredictionLog(workspace.predictions, 0)
    log.append(encode_lines(rows), len(rows))
    log.close()
    FeedbackLog(workspace.predictions).append(feedback)
    (effect,) = read(workspace, kept).effects
    assert effect is not None
    # var(usual) = 100, and 9 of noise each time: a correlation of 100/109
    assert effect.explained == pytest.approx((100 / 109) ** 2, abs=0.05)
    covariate = f"takes {effect.explained:.0%} of the variance away"
    reading = read(workspace, kept)
    assert covariate in "\n".join(reading_lines(kept, reading))
    assert covariate in page_of(kept, reading)
    # the interval to decide by is seen on the first day too
    corners = re.search(r'class="band" points="([^"]+)"', picture(reading.series[:1], "one day"))
    assert corners is not None
    assert len({corner.split(",")[0] for corner in corners[1].split()}) == 2
    plain = begin_without(kept)
    (wide,) = read(workspace, plain).effects
    assert wide is not None
    assert effect.error < 0.6 * wide.error


def begin_without(kept: Kept) -> Kept:
    return replace(kept, design=msgspec.structs.replace(kept.plan, before_days=0.0).to_json())


def test_an_effect_that_was_there_and_faded_is_told(workspace: Workspace) -> None:
    kept = begun()
    random = np.random.default_rng(3)
    start = datetime.fromisoformat(kept.at).timestamp()
    rows, feedback = [], []
    for number in range(DAYS * 200):
        day, arm = number // 200, DESIGN.arms[number % 2]
        unit, time = f"u{number}", start + day * DAY + number % 200
        rows.append(msgspec.structs.replace(row(unit, time, arm.name), version=arm.bundle))
        rate = 0.3 if arm.name == "old" else 0.8 if day < 2 else 0.05
        if random.random() < rate:
            feedback.append(told(unit, time + 1, "yes"))
    log = PredictionLog(workspace.predictions, 0)
    assert log.append(encode_lines(rows), len(rows))
    log.close()
    FeedbackLog(workspace.predictions).append(feedback)
    reading = read(workspace, kept)
    assert reading.action == "go on"
    assert reading.notes == ["the interval of new in label=yes lay beside zero after day 1, and does so no more"]
