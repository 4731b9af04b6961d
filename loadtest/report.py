"""What the load tests found: one JSON document, and the same as a page."""

from __future__ import annotations

from statistics import median

import msgspec

from loadtest.k6 import Measured
from loadtest.slo import Load, Slo


class Trial(msgspec.Struct, frozen=True):
    """One scenario against a server of so many workers."""

    scenario: str
    workers: int
    load: Load
    measured: Measured


class Reloads(msgspec.Struct, frozen=True):
    """Reloads while requests arrive. `switch_ms`: of the new bundle; `answered_ms`: of the whole call."""

    workers: int
    switch_ms: list[float]
    answered_ms: list[float]
    measured: Measured


class Report(msgspec.Struct, frozen=True):
    """All of it; `at` and `seconds` are of the whole."""

    at: str
    seconds: float
    k6: str
    machine: str
    load_average: float
    model: str
    slo: Slo
    trials: list[Trial]
    reloads: Reloads

    @property
    def passed(self) -> bool:
        """Whether every trial kept the objectives and no request failed during the reloads."""
        return all(trial.measured.passed for trial in self.trials) and self.reloads.measured.failed == 0


def page(report: Report) -> str:
    """The tables for a reader."""
    objectives = report.slo.objectives
    lines = [
        "# Load tests: figures",
        "",
        (
            f"Written by `make load` on {report.at[:16].replace('T', ' ')} UTC, in {report.seconds:.0f} s;"
            " all figures are in [load.json](load.json)."
        ),
        f"{report.machine} {report.k6}, on the same cores as the server.",
        f"Load of the machine when it began: {report.load_average:.1f}. Model: {report.model}.",
        "",
        (
            f"Objectives, of [slo.yaml](../../slo.yaml): p95 at most {objectives.p95_ms:g} ms, errors at most"
            f" {objectives.error_rate:.2%}. Requests leave at a constant rate, which does not wait for answers."
        ),
        "",
        "| scenario | workers | offered RPS | RPS | p90, ms | p95, ms | p99, ms | error rate | not sent in time | |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
        *map(_row, report.trials),
        "",
        *_reloads(report.reloads),
        "",
        "These are figures of this machine, with the load generator beside the server. They compare one version with",
        "another, and do not say what a cluster of yours will do: see [load tests](../load.md).",
        "",
    ]
    return "\n".join(lines)


def _row(trial: Trial) -> str:
    found = trial.measured
    verdict = "kept" if found.passed else "**broken**"
    times = f"{found.p90_ms:.1f} | {found.p95_ms:.1f} | {found.p99_ms:.1f}"
    return (
        f"| {trial.scenario} | {trial.workers} | {trial.load.rps} | {found.rps:.1f} | {times}"
        f" | {found.error_rate:.2%} | {found.dropped} | {verdict} |"
    )


def _reloads(reloads: Reloads) -> list[str]:
    found = reloads.measured
    return [
        (
            f"`/reload` {len(reloads.switch_ms)} times during the steady load, {reloads.workers} worker(s):"
            f" {found.requests} requests, {found.failed} failed."
        ),
        "",
        f"- from opening the bundle to its answering: {_spread(reloads.switch_ms)}",
        f"- from asking for it to being told that it is done: {_spread(reloads.answered_ms)}",
    ]


def _spread(found: list[float]) -> str:
    return f"median {median(found):.1f} ms, slowest {max(found):.1f} ms"
