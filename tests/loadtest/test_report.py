"""The page says what was measured, and whether it was kept."""

from __future__ import annotations

import msgspec
import pytest

from loadtest.k6 import Measured, measured
from loadtest.report import Reloads, Report, Trial, page
from loadtest.slo import read_slo

# as k6 1.1 writes it, shortened
SUMMARY = {
    "metrics": {
        "http_reqs": {"count": 2000, "rate": 99.5},
        # of a rate, what passes is what was true: here, that a request failed
        "http_req_failed": {"passes": 4, "fails": 1996, "value": 0.002},
        "http_req_duration": {"med": 1.5, "p(90)": 2.5, "p(95)": 3.5, "p(99)": 9.0, "max": 20.25},
        "dropped_iterations": {"count": 7, "rate": 0.3},
    }
}
GOOD = measured(SUMMARY, passed=True)


def report(*trials: Measured, reloads: Measured = GOOD) -> Report:
    slo = read_slo()
    made = [Trial("peak", number, slo.load["peak"], trial) for number, trial in enumerate(trials, 1)]
    return Report(
        at="2026-11-21T21:00:00+00:00",
        seconds=61.2,
        k6="k6 v1.1.0",
        machine="a machine.",
        load_average=0.5,
        model="voyage 012345678901",
        slo=slo,
        trials=made,
        reloads=Reloads(2, [4.0, 6.0, 5.0], [300.0, 310.0, 320.0], reloads),
    )


def test_the_figures_of_a_summary() -> None:
    assert Measured(2000, 4, 7, 99.5, 0.002, 1.5, 2.5, 3.5, 9.0, 20.25, True) == GOOD
    without = {"metrics": {name: value for name, value in SUMMARY["metrics"].items() if name != "dropped_iterations"}}
    assert measured(without, passed=True).dropped == 0


def test_a_row_for_each_trial_and_its_verdict() -> None:
    text = page(report(GOOD, msgspec.structs.replace(GOOD, passed=False)))
    rows = [line for line in text.splitlines() if line.startswith("| peak")]
    assert rows == [
        "| peak | 1 | 400 | 99.5 | 2.5 | 3.5 | 9.0 | 0.20% | 7 | kept |",
        "| peak | 2 | 400 | 99.5 | 2.5 | 3.5 | 9.0 | 0.20% | 7 | **broken** |",
    ]


def test_reloads_are_told_by_median_and_slowest() -> None:
    text = page(report(GOOD))
    assert "to its answering: median 5.0 ms, slowest 6.0 ms" in text
    assert "median 310.0 ms, slowest 320.0 ms" in text
    assert "2000 requests, 4 failed" in text


@pytest.mark.parametrize(
    ("trial", "failed", "passed"), [(True, 0, True), (False, 0, False), (True, 1, False), (False, 1, False)]
)
def test_all_of_it_passes_if_every_trial_does_and_no_request_fails_in_a_reload(
    trial: bool, failed: int, passed: bool
) -> None:
    reloads = msgspec.structs.replace(GOOD, failed=failed)
    assert report(GOOD, msgspec.structs.replace(GOOD, passed=trial), reloads=reloads).passed is passed
