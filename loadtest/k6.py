"""One run of k6: a script, a load, and what came of it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import msgspec

from loadtest.slo import Load, Objectives
from tabi.errors import TabiError

SCRIPTS = Path(__file__).resolve().parent
# k6's own exit code for a threshold that was crossed
CROSSED = 99
START_AND_END_S = 60


class Measured(msgspec.Struct, frozen=True):
    """What k6 saw. `dropped`: requests that did not leave in time, because too many were under way."""

    requests: int
    failed: int
    dropped: int
    rps: float
    error_rate: float
    p50_ms: float
    p90_ms: float
    p95_ms: float
    p99_ms: float
    max_ms: float
    passed: bool


def version_of(k6: Path) -> str:
    """The version of the binary."""
    said = subprocess.run([str(k6), "version"], capture_output=True, text=True, check=True, timeout=60)
    return said.stdout.split(" (")[0].strip()


def start(k6: Path, scenario: str, url: str, bodies: Path, load: Load, objectives: Objectives) -> Run:
    """Begin a run; `Run.result` waits for its end. The summary is written beside the bodies."""
    summary = bodies.resolve().with_name(f"{scenario}-summary.json")
    summary.unlink(missing_ok=True)
    variables = {
        "URL": url,
        "BODIES": str(bodies.resolve()),
        "LOAD": msgspec.json.encode(load).decode(),
        "OBJECTIVES": msgspec.json.encode(objectives).decode(),
    }
    command = [str(k6), "run", "--quiet", "--no-color", "--no-usage-report", "--summary-export", str(summary)]
    for name, value in variables.items():
        command += ["-e", f"{name}={value}"]
    process = subprocess.Popen(
        [*command, str(SCRIPTS / f"{scenario}.js")],
        env={**os.environ, "K6_NO_USAGE_REPORT": "true"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return Run(process, summary, load.seconds + START_AND_END_S)


class Run:
    """A k6 that is at work."""

    def __init__(self, process: subprocess.Popen[str], summary: Path, limit_s: float) -> None:
        self._process, self._summary, self._limit_s = process, summary, limit_s

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self._process.poll() is not None

    def result(self) -> Measured:
        """Wait for the end; a run that broke off is an error, a threshold that was crossed is a figure."""
        try:
            said, _ = self._process.communicate(timeout=self._limit_s)
        except subprocess.TimeoutExpired:
            self.stop()
            raise TabiError(f"k6 did not end within {self._limit_s:.0f} s") from None
        code = self._process.returncode
        if code not in {0, CROSSED} or not self._summary.exists():
            raise TabiError(f"k6 ended with exit code {code}: {said.strip()[-300:]}")
        return measured(msgspec.json.decode(self._summary.read_bytes()), passed=code == 0)

    def stop(self) -> None:
        """End it, if it has not ended."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


def measured(summary: dict[str, Any], *, passed: bool) -> Measured:
    """The figures of k6's summary."""
    found = summary["metrics"]
    took, failed = found["http_req_duration"], found["http_req_failed"]
    return Measured(
        requests=found["http_reqs"]["count"],
        # of the rate of failures, what passes is what failed
        failed=failed["passes"],
        dropped=found.get("dropped_iterations", {}).get("count", 0),
        rps=found["http_reqs"]["rate"],
        error_rate=failed["value"],
        p50_ms=took["med"],
        p90_ms=took["p(90)"],
        p95_ms=took["p(95)"],
        p99_ms=took["p(99)"],
        max_ms=took["max"],
        passed=passed,
    )
