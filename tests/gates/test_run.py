"""All gates in one go, each as severe as the project says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tabi.errors import ConfigError
from tabi.gates import GATES, Candidate, run_gates
from tests.gates.conftest import with_gates

QUICK = "gates: {severity: {security: 'off', latency: 'off'}, size: {graph_maximum: 1}}\n"


def test_every_gate_gives_a_verdict_in_its_order(candidate: Candidate) -> None:
    judged = list(run_gates(candidate))
    assert [each.verdict.gate for each in judged] == list(GATES)
    assert {each.verdict.verdict for each in judged} == {"pass", "skipped"}
    assert all(each.seconds >= 0 for each in judged)
    for each in judged:
        report = each.verdict.report
        if report is not None and report not in {"reports/slices.json", "reports/calibration.json"}:
            assert (candidate.folder / report).is_file()


def test_a_gate_that_is_off_is_shown_as_off_and_one_that_fails_may_only_warn(candidate: Candidate) -> None:
    bounded = with_gates(candidate, QUICK)
    verdicts = {each.verdict.gate: each.verdict for each in run_gates(bounded)}
    assert verdicts["security"].verdict == "off"
    assert verdicts["security"].reason == "gates.severity.security is off"
    assert verdicts["size"].verdict == "fail"
    warned = with_gates(candidate, QUICK.replace("latency: 'off'", "latency: 'off', size: warn"))
    verdicts = {each.verdict.gate: each.verdict for each in run_gates(warned)}
    assert verdicts["size"].verdict == "warn"


@pytest.mark.parametrize(
    ("severity", "told"),
    [
        ("fairnes: warn", "there is no gate 'fairnes'; did you mean 'fairness'?"),
        ("zzz: warn", "there is no gate 'zzz'; there are parity, data_quality, "),
        ("parity: warn", "gates.severity.parity: what is not proved is not released"),
        ("parity: 'off'", "gates.severity.parity: what is not proved is not released"),
    ],
)
def test_a_severity_that_cannot_be_is_refused_before_anything_runs(
    candidate: Candidate, severity: str, told: str
) -> None:
    with pytest.raises(ConfigError, match=told.replace("?", r"\?")):
        next(run_gates(with_gates(replace(candidate), f"gates: {{severity: {{{severity}}}}}\n")))
