"""Units and their sums, from a real log, against the same computed by hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
import pytest
from tea_tasting.aggr import Aggregates

from tabi.experiments.design import Arm
from tabi.experiments.exposure import Exposed, Span, until
from tabi.experiments.metric import Metric, read_metric
from tabi.monitoring.tables import LogTables
from tests.experiments.conftest import DAY, NAME, VERSION, Write, row, told
from tests.experiments.sums import sums

NOW = float(int(datetime.now(UTC).timestamp()))
START = NOW - 3 * DAY
SPAN = Span(START, START, NOW)


@contextmanager
def exposed(
    folder: Path, *metrics: str, span: Span = SPAN, arms: tuple[str, ...] | None = ("a", "b")
) -> Iterator[Exposed]:
    begin, end = datetime.fromtimestamp(span.before, UTC), datetime.fromtimestamp(span.until + 60, UTC)
    with LogTables(folder, NAME, begin, end) as tables:
        known = None if arms is None else [Arm(arm, 1, VERSION, 1.0) for arm in arms]
        yield Exposed(tables, span, known, [read_metric(metric) for metric in metrics])


def all_of(found: Exposed, metric: str, arm: str = "a") -> Aggregates:
    total = until(found.daily(read_metric(metric))[arm], 99)
    assert total is not None
    return total


def same(found: Aggregates, expected: Aggregates, metric: Metric) -> None:
    names = ("y", "d") if metric.denominator else ("y",)
    assert found.count() == expected.count()
    for name in names:
        assert found.mean(name) == pytest.approx(expected.mean(name))
        assert found.var(name) == pytest.approx(expected.var(name))
    if len(names) > 1:
        assert found.cov("y", "d") == pytest.approx(expected.cov("y", "d"))


def test_the_first_arm_of_a_unit_counts_and_changes_are_told(write: Write) -> None:
    folder = write(
        [
            row("u", START + 10, "a"),
            row("u", START + 20, "b"),
            row("v", START + 5, "b"),
            # no arm of the experiment, not of its time, not its version
            row("w", START + 5, "shadow"),
            row("x", START - 5, "a"),
            msgspec.structs.replace(row("y", START + 5, "a"), version="f" * 64),
        ],
        [],
    )
    with exposed(folder, "predictions") as found:
        assert found.units == {"a": 1, "b": 1}
        assert found.changed == 1
        assert all_of(found, "predictions").mean("y") == 2


def test_every_term_is_what_its_name_says(write: Write) -> None:
    at = START + 100
    folder = write(
        [
            row("u", at, "a", "yes", 2.0),
            row("u", at + 50, "a", "no", 3.0),
            row("v", at, "a", "yes", 4.0),
            row("w", at, "a", "no", 5.0),
        ],
        [
            told("u", at + 10, "yes", 7.0),
            told("u", at + 60, "yes", 1.5),
            told("v", at + 10, value=2.0),
        ],
    )
    by_unit = {
        "value": [8.5, 2.0, 0.0],
        "feedback": [1, 1, 0],
        "label=yes": [1, 0, 0],
        "label=no": [0, 0, 0],
        "labelled": [2, 0, 0],
        "correct": [1, 0, 0],
        "predictions": [2, 1, 1],
        "ms": [5.0, 4.0, 5.0],
    }
    with exposed(folder, *by_unit, "accuracy", "value/predictions") as found:
        for term, numbers in by_unit.items():
            same(all_of(found, term), sums(numbers), read_metric(term))
        same(all_of(found, "accuracy"), sums(by_unit["correct"], by_unit["labelled"]), read_metric("accuracy"))
        assert found.with_feedback == 3


def test_sums_of_days_add_up_to_the_sums_of_all_units(write: Write) -> None:
    random = np.random.default_rng(5)
    units = [(f"u{n}", START + random.uniform(0, 3 * DAY - 60), random.normal(20, 4)) for n in range(300)]
    folder = write([row(u, t, "a") for u, t, _ in units], [told(u, t + 1, value=v) for u, t, v in units])
    with exposed(folder, "value") as found:
        daily = found.daily(read_metric("value"))["a"]
        assert sorted(daily) == [0, 1, 2]
        for day in (0, 1, 2):
            expected = sums([v for _, t, v in units if t < START + (day + 1) * DAY])
            total = until(daily, day)
            assert total is not None
            same(total, expected, read_metric("value"))


def test_what_was_before_the_start_is_the_covariate_and_only_as_it_was_known_then(write: Write) -> None:
    before = START - DAY
    folder = write(
        [
            row("u", before),
            row("u", START + 10, "a"),
            row("v", START + 10, "a"),
            row("w", before),
            row("w", START + 5, "a"),
        ],
        # of a row of before, but known only in the experiment: it may be of its making
        [told("u", before + 5, value=3.0), told("u", START + 20, value=9.0), told("w", START + 1, value=100.0)],
    )
    with exposed(folder, "value", span=Span(START - 2 * DAY, START, NOW)) as found:
        total = all_of(found, "value")
        assert total.mean("y") == pytest.approx(3.0)
        assert total.mean("x") == pytest.approx(1.0)
        assert total.cov("y", "x") == pytest.approx(np.cov([9, 0, 0], [3, 0, 0])[0, 1])
    with exposed(folder, "value") as found:
        assert "x" not in all_of(found, "value").mean_


def test_a_unit_is_read_when_its_window_has_passed_and_by_what_happened_in_it(write: Write) -> None:
    folder = write(
        [row("u", START, "a"), row("u", START + 2 * DAY, "a"), row("v", NOW - 60, "a")],
        [told("u", START + 50, value=1.0), told("u", START + 2 * DAY + 50, value=10.0)],
    )
    with exposed(folder, "value", "predictions", span=Span(START, START, NOW, window=DAY)) as found:
        assert found.units["a"] == 2
        same(all_of(found, "value"), Aggregates(1, {"y": 1.0}, {"y": 0.0}), read_metric("value"))
        assert all_of(found, "predictions").mean("y") == 1


def test_before_any_experiment_all_units_are_one_arm_and_those_without_name_are_their_requests(write: Write) -> None:
    shadow = row("u", START, "shadow")
    folder = write([row("u", START), shadow, row("u", START + DAY), row("", START + 1), row("", START + 2)], [])
    with exposed(folder, "predictions", arms=None) as found:
        assert all_of(found, "predictions", "").count() == 3
        assert all_of(found, "predictions", "").mean("y") == pytest.approx(4 / 3)
        assert found.seconds == pytest.approx(DAY)


def test_a_log_without_rows_has_no_units(write: Write, tmp_path: Path) -> None:
    with exposed(tmp_path / "nothing", "value") as found:
        assert found.units == {"a": 0, "b": 0}
        assert until(found.daily(read_metric("value"))["a"], 9) is None
