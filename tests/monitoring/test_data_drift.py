"""Rows of a real log against the reference of a real bundle."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pytest

from tabi import evidence
from tabi.bundle import Bundle
from tabi.contract import Contract
from tabi.contract.bins import NumericBins, all_bins
from tabi.monitoring.counting import added, count_windows
from tabi.monitoring.data_drift import KIND, look
from tabi.monitoring.question import Asked, Question
from tabi.monitoring.report import lines_of, monitor
from tabi.monitoring.section import Found, Section
from tabi.monitoring.watched import batches
from tabi.predictions import PredictionLine
from tabi.store import Store
from tabi.workspace import Workspace
from tests.monitoring.conftest import NAME, Write

HOUR = 3600.0
DAY = Asked(NAME, timedelta(days=1))
DRIFT = (Section("drift", look),)


@pytest.fixture
def contract(shop: Workspace) -> Contract:
    return Bundle.open(Store(shop.models).resolve(NAME)).contract()


def drawn(
    contract: Contract, version: str, rows: int, seed: int, *, ago: float = 60, **fixed: Any
) -> Iterator[PredictionLine]:
    """Rows as the training snapshot's: each column by its own reference, but for those that are fixed."""
    random = np.random.default_rng(seed)
    values: dict[str, list[Any]] = {}
    for name, bins in all_bins(contract).items():
        shares = np.array(bins.rows) / sum(bins.rows)
        places = random.choice(len(shares), rows, p=shares)
        if isinstance(bins, NumericBins):
            edges = bins.edges.tolist()
            middles = [edges[0] - 1, *((low + high) / 2 for low, high in pairwise(edges)), edges[-1] + 1, None]
            values[name] = [middles[place] for place in places]
        else:
            texts = [bin_name.removeprefix("is ") if bin_name.startswith("is ") else "" for bin_name in bins.names]
            values[name] = [texts[place] for place in places]
    values.update({name: [value] * rows for name, value in fixed.items()})
    now = time.time() - ago
    for row, inputs in enumerate(zip(*(values[column.name] for column in contract.columns), strict=True)):
        yield PredictionLine("r", row, now, NAME, version, inputs, "yes", float(random.random()), [], 1.0)


def found(home: Workspace, asked: Asked = DAY) -> Found:
    return monitor(home, asked, DRIFT).sections["drift"]


def test_rows_like_those_of_training_have_not_drifted(
    home: Workspace, write: Write, version: str, contract: Contract
) -> None:
    write(drawn(contract, version, 2000, 1))
    section = found(home)
    assert section.verdict == "pass"
    # the snapshot of this bundle is small, so that a window takes more rows than these to tell of all its ten bins
    assert {each["status"] for each in section.figures["columns"]} == {"same", "few rows"}
    assert section.reason.endswith("none drifted")
    assert {each["column"] for each in section.figures["columns"]} == {"age", "visits", "town", "plan"}


def test_a_column_that_moved_is_named_and_the_project_says_whether_it_fails(
    home: Workspace, write: Write, version: str, contract: Contract
) -> None:
    write(drawn(contract, version, 1000, 1, town="Atlantis"))
    section = found(home)
    assert section.verdict == "warn"
    assert section.reason.startswith("town drifted, PSI ")
    first = section.figures["columns"][0]
    assert (first["column"], first["status"], first["rows"]) == ("town", "drift", 1000)
    assert first["psi"] > 1 >= first["js"] > 0.5
    assert section.pages["bins"]["town"]["now"][section.pages["bins"]["town"]["names"].index("other")] == 1
    (home.projects / NAME).mkdir(parents=True)
    (home.projects / NAME / "config.yaml").write_text(
        "source: csv:a.csv\ntarget: y\nmonitor: {drift: {psi_maximum: 0.5}}\n"
    )
    section = found(home)
    assert section.verdict == "fail"
    assert section.reason.endswith("above 0.5")


def test_eight_rows_raise_no_alarm_and_the_size_needed_is_told(
    home: Workspace, write: Write, version: str, contract: Contract
) -> None:
    write(drawn(contract, version, 8, 1, town="Atlantis", age=1e6))
    section = found(home)
    assert section.verdict == "not judged"
    assert section.needed is not None
    assert section.needed >= 100
    assert section.reason == f"8 rows, {section.needed} are needed"
    assert {each["status"] for each in section.figures["columns"]} == {"few rows"}
    assert all(each["needed"] is None or each["needed"] >= 100 for each in section.figures["columns"])
    assert any("few rows" in line for line in section.lines)


def test_windows_show_when_it_began_and_the_newest_decides(
    home: Workspace, write: Write, version: str, contract: Contract
) -> None:
    for hours in range(1, 5):
        fixed = {"plan": "gone"} if hours <= 2 else {}
        write(drawn(contract, version, 500, hours, ago=hours * HOUR, **fixed))
    section = found(home, Asked(NAME, timedelta(days=1), timedelta(hours=1)))
    told = [[c["column"] for c in each["columns"] if c["status"] == "drift"] for each in section.figures["windows"]]
    assert told == [[], [], ["plan"], ["plan"]]
    assert (section.verdict, "plan drifted" in section.reason) == ("warn", True)
    assert sum("drift of plan" in line for line in section.lines) == 2


def test_windows_add_up_to_the_whole(home: Workspace, write: Write, version: str, contract: Contract) -> None:
    for hours in (1, 2, 5):
        write(drawn(contract, version, 50, hours, ago=hours * HOUR))
    bins = all_bins(contract)
    with Question(home, DAY, _now()) as question:
        parts = count_windows(batches(question, contract), bins, HOUR)
        whole = count_windows(batches(question, contract), bins, None)
    assert len(parts) == 3
    for name, counts in added(parts).items():
        assert counts.tolist() == whole[0.0][name].tolist()
        assert counts.sum() == 150


def test_columns_that_the_log_does_not_hold_are_not_judged(
    home: Workspace, write: Write, version: str, contract: Contract
) -> None:
    masked = "".join("h" if column.name == "town" else "f" for column in contract.columns)
    write(msgspec.structs.replace(line, masked=masked) for line in drawn(contract, version, 1000, 1, town="5f3a"))
    section = found(home)
    assert "town" not in {each["column"] for each in section.figures["columns"]}
    assert (section.verdict, section.figures["hidden"]) == ("pass", ["town"])
    assert any(line.endswith("hold them as they are: town") for line in section.lines)


def test_an_empty_log_is_told_as_such(home: Workspace, version: str) -> None:
    section = found(home)
    assert (section.verdict, section.reason) == ("not judged", "0 rows, 100 are needed")


def test_evidence_has_the_figures_and_not_the_pictures(
    home: Workspace, write: Write, version: str, contract: Contract
) -> None:
    write(drawn(contract, version, 300, 1))
    report = monitor(home, DAY, DRIFT)
    (record,) = evidence.read(home.evidence, KIND)
    assert (record.subject, record.inputs["bundle"]) == (NAME, version)
    assert "bins" not in record.figures
    assert any(line.startswith("drift of columns: ") for line in lines_of(report))


def _now() -> datetime:
    return datetime.now(UTC)
