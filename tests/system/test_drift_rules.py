"""The real Prometheus computes from counters of two replicas the drift that `tabi monitor` computes from counts."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from tabi.monitoring.drift import jensen_shannon, psi
from tabi.monitoring.rules import FEATURE, SCORE, drifted, recording_rules, rules_yaml
from tabi.monitoring.significance import psi_bound, used_bins
from tests.system.conftest import give_up
from tests.system.debian import install_in_ci

pytestmark = pytest.mark.system

REFERENCE_ROWS = 32_561
WINDOWS = ("10m", "1h")
# a column without change, one that moved, one with an empty bin, and a bin that the reference has no rows in
REFERENCES = {
    "same": [3000, 3000, 3000, 0],
    "moved": [8000, 1500, 400, 100],
    "empty": [5000, 5000, 0, 5],
}
# of each replica, in an hour
SEEN = {
    "same": ([600, 660, 600, 0], [60, 0, 60, 0]),
    "moved": ([600, 600, 60, 0], [300, 120, 0, 0]),
    "empty": ([0, 660, 60, 0], [0, 60, 0, 0]),
}
LABELS = {"model": "adult", "version": "f00d"}


@pytest.fixture(scope="module")
def promtool() -> str:
    if shutil.which("promtool") is None:
        install_in_ci("prometheus")
    found = shutil.which("promtool")
    if found is None:
        give_up("there is no promtool: install Debian's prometheus")
    return found


def _series(metric: str, labels: dict[str, str], value: str) -> dict[str, str]:
    of = ",".join(f'{name}="{text}"' for name, text in labels.items())
    return {"series": f"{metric}{{{of}}}", "values": value}


def _counted(metric: str, labels: dict[str, str], seen: list[list[int]]) -> list[dict[str, str]]:
    """Counters that grow evenly, so that what Prometheus extrapolates to a whole hour is exact."""
    return [
        _series(metric, {**labels, "instance": f"replica-{replica}", "bin": f"b{index}"}, f"5+{rows / 60:g}x120")
        for replica, counts in enumerate(seen)
        for index, rows in enumerate(counts)
    ]


def _input() -> list[dict[str, str]]:
    found = []
    for column, reference in REFERENCES.items():
        labels = {**LABELS, "column": column}
        found += _counted("tabi_feature_bins_total", labels, list(SEEN[column]))
        for index, rows in enumerate(reference):
            ratio = rows / sum(reference)
            for replica in ("replica-0", "replica-1"):
                given = {**labels, "instance": replica, "bin": f"b{index}"}
                found.append(_series("tabi_feature_reference_ratio", given, f"{ratio!r}+0x120"))
    found += _counted("tabi_score_bins_total", LABELS, list(SEEN["moved"]))
    for index, rows in enumerate(REFERENCES["moved"]):
        ratio = rows / sum(REFERENCES["moved"])
        found.append(_series("tabi_score_reference_ratio", {**LABELS, "bin": f"b{index}"}, f"{ratio!r}+0x120"))
    for metric in ("tabi_feature_reference_rows", "tabi_score_reference_rows"):
        found.append(_series(metric, LABELS, f"{REFERENCE_ROWS}+0x120"))
    return found


def _near(expr: str, expected: float, within: float) -> dict[str, Any]:
    """A test that an expression has one value, `expected`; promtool itself compares what it prints."""
    told = {"expr": f"sum(abs({expr} - {float(expected)!r}) < bool {float(within)!r})", "eval_time": "2h"}
    return {**told, "exp_samples": [{"value": 1}]}


def _tests() -> list[dict[str, Any]]:
    found = []
    for window, hours in (("1h", 1.0), ("10m", 1 / 6)):
        for column, replicas in [*SEEN.items(), ("", SEEN["moved"])]:
            family = FEATURE if column else SCORE
            where = f'{{column="{column}"}}' if column else ""
            now = np.array(replicas).sum(axis=0) * hours
            reference = np.array(REFERENCES[column or "moved"])
            bound = psi_bound(used_bins(reference), now.sum(), REFERENCE_ROWS, 0.01, len(SEEN) + 1)
            found += [
                _near(family.series("psi", window) + where, psi(reference, now), 1e-9),
                _near(family.series("js", window) + where, jensen_shannon(reference, now), 1e-9),
                _near(family.series("rows", window) + where, float(now.sum()), 1e-6),
                # the quantile is an approximation there
                _near(family.series("psi_bound", window) + where, bound, bound * 0.03),
            ]
    alarms = f"count({drifted(FEATURE, '1h', 0.1, 100)})"
    found.append({"expr": alarms, "eval_time": "2h", "exp_samples": [{"value": 2}]})
    # more rows than there are: nobody is woken
    found.append({"expr": drifted(SCORE, "1h", 0.1, 100_000), "eval_time": "2h", "exp_samples": []})
    return found


def _run(promtool: str, folder: Path, *arguments: str) -> None:
    found = subprocess.run([promtool, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr


def _test(promtool: str, folder: Path, series: list[dict[str, str]], tests: list[dict[str, Any]]) -> None:
    of_series = {"interval": "1m", "input_series": series, "promql_expr_test": tests}
    document = {"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": [of_series]}
    (folder / "test.yml").write_text(yaml.safe_dump(document))
    _run(promtool, folder, "test", "rules", "test.yml")


def test_prometheus_computes_what_we_compute(promtool: str, tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(rules_yaml(WINDOWS))
    _run(promtool, tmp_path, "check", "rules", "rules.yml")
    _test(promtool, tmp_path, _input(), _tests())


def test_replicas_of_two_environments_are_told_apart(promtool: str, tmp_path: Path) -> None:
    (tmp_path / "rules.yml").write_text(yaml.safe_dump(recording_rules(["10m"], keep=["environment"])))
    series = [
        {**each, "series": each["series"].replace("}", f',environment="{place}"}}')}
        for each in _input()
        for place in ("staging", "production")
    ]
    expr = f'count({FEATURE.series("psi", "10m")}{{environment="staging"}})'
    _test(promtool, tmp_path, series, [{"expr": expr, "eval_time": "2h", "exp_samples": [{"value": len(SEEN)}]}])
