"""`make alerts-test DS=NAME`: the drill over a released model; leaves the evidence alert, incident, dashboard."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from loadtest.slo import read_slo
from scripts.observability.drill.drill import Drill, Sounded, drill
from tabi.bundle import Bundle
from tabi.errors import TabiError
from tabi.evidence import Record, append
from tabi.evidence.records import Verdict
from tabi.store import Store
from tabi.workspace import Workspace


def main() -> int:
    """Run it, print, keep."""
    parser = argparse.ArgumentParser(prog="python -m scripts.observability.drill", description=__doc__)
    parser.add_argument("name", help="a released model")
    given = parser.parse_args()
    workspace, began = Workspace.find(), time.monotonic()
    try:
        bundle = Bundle.open(Store(workspace.models).resolve(given.name))
        with tempfile.TemporaryDirectory(prefix="tabi-drill-") as folder:
            found = drill(given.name, str(workspace.models), bundle, Path(folder), read_slo(), _say)
    except TabiError as error:
        sys.stderr.write(f"drill: {error}\n")
        for kind in ("alert", "incident", "dashboard"):
            _leave(workspace, kind, given.name, "", {"reason": str(error)[:300]}, passed=False)
        return 1
    leave_evidence(workspace, found, time.monotonic() - began)
    empty = [f"{each.dashboard} {each.panel}" for each in found.answered if not each.series]
    _say("\n".join(f"  no series: {each}" for each in empty))
    print(f"{len(found.answered)} queries of dashboards were answered, {len(empty)} of them by no series")
    return 0


def _say(text: str) -> None:
    print(text, flush=True)


def leave_evidence(workspace: Workspace, found: Drill, seconds: float) -> None:
    """A record for each condition of the Definition of Done that this proves."""
    quiet = not found.before
    alerts = {each.name: _figures(each) for each in (found.drift, found.errors)}
    reason = {} if quiet else {"reason": f"sounded without a cause: {', '.join(found.before)}"}
    figures = {**alerts, "column": found.column, "false_alarms": found.before, "seconds": seconds, **reason}
    _leave(workspace, "alert", found.model, found.bundle, figures, passed=quiet)
    cause = found.cause._asdict()
    _leave(workspace, "incident", found.model, found.bundle, {"alert": found.errors.name, **cause}, passed=True)
    shown = {"queries": len(found.answered), "empty": sum(not each.series for each in found.answered)}
    _leave(workspace, "dashboard", found.model, found.bundle, shown, passed=True)


def _figures(sounded: Sounded) -> dict[str, object]:
    return {"receiver": sounded.receiver, "told_s": round(sounded.told_s, 1), "over_s": round(sounded.over_s, 1)}


def _leave(
    workspace: Workspace, kind: str, name: str, bundle: str, figures: Mapping[str, object], *, passed: bool
) -> None:
    verdict: Verdict = "pass" if passed else "fail"
    record = Record(kind=kind, subject=name, verdict=verdict, inputs={"bundle": bundle}, figures=dict(figures))
    append(workspace.evidence, record)


if __name__ == "__main__":
    sys.exit(main())
