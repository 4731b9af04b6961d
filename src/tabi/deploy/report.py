"""What a deployment says while it runs, and what it leaves: evidence, and two files of what left the laptop.

`<environment>_<target>_<what>_<stamp>.json` and `.txt` in docs/evidence of the workspace: the record, and the log. They
are what people look for later, so they are named by what happened: `dev_ecs_force_new_success`,
`dev_ecs_rollback_to_prev`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from time import monotonic

from tabi.deploy.history import Deployment
from tabi.deploy.target import Tell
from tabi.evidence import Record, append, now
from tabi.workspace import Workspace

AWAY = frozenset({"ecs", "kubernetes"})
"""Targets that are not on this machine."""

_WHAT = {
    ("deploy", "succeeded"): "deploy_success",
    ("deploy", "failed"): "deploy_failure",
    ("force_new", "succeeded"): "force_new_success",
    ("force_new", "failed"): "force_new_failure",
    ("rollback", "succeeded"): "rollback_to_prev",
    ("rollback", "failed"): "rollback_failure",
    ("step", "succeeded"): "step_success",
    ("step", "failed"): "step_failure",
}


class Report:
    """The log of one deployment, and how long each of its steps took."""

    def __init__(self, tell: Tell) -> None:
        self.lines: list[str] = []
        self.durations: dict[str, float] = {}
        # nothing differed: what ran was started once more
        self.anew = False
        self._tell = tell
        self._began = monotonic()

    @property
    def seconds(self) -> float:
        """Since it began."""
        return round(monotonic() - self._began, 3)

    def tell(self, line: str) -> None:
        """Say a line, and keep it with its time."""
        self.note(line)
        self._tell(f"{self.seconds:6.1f} s  {line}")

    def note(self, line: str) -> None:
        """Keep a line that is said in another way."""
        self.lines.append(f"{now()} {line}")

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Take the time of a step, however it ends."""
        began = monotonic()
        try:
            yield
        finally:
            self.durations[name] = round(self.durations.get(name, 0.0) + monotonic() - began, 3)


def leave(workspace: Workspace, ended: Deployment, report: Report) -> list[Path]:
    """Write the evidence of a deployment that ended, and its two files if it went away from here; which these are."""
    append(
        workspace.evidence,
        Record(
            kind=ended.kind,
            subject=ended.name,
            verdict="pass" if ended.outcome == "succeeded" else "fail",
            inputs={"bundle": ended.bundle, "image": ended.image, "deployment": str(ended.id)},
            figures={
                "target": ended.target,
                "environment": ended.environment,
                "version": ended.version,
                # of the policy, as in what the registry writes
                "revision": ended.policy,
                "target_revision": ended.revision,
                "before": ended.before,
                "by": ended.by,
                "reason": ended.problem or ended.reason,
                "seconds": ended.seconds,
                "durations": report.durations,
            },
        ),
    )
    return _files(workspace, ended, report) if ended.target in AWAY else []


def _files(workspace: Workspace, ended: Deployment, report: Report) -> list[Path]:
    folder = workspace.root / "docs" / "evidence"
    folder.mkdir(parents=True, exist_ok=True)
    stamp = now()[:19].replace("-", "").replace(":", "") + "Z"
    what = _WHAT["force_new" if report.anew else ended.kind, ended.outcome]
    stem = f"{ended.environment}_{ended.target}_{what}_{stamp}"
    document = {**asdict(ended), "durations": report.durations, "log": f"{stem}.txt"}
    record, log = folder / f"{stem}.json", folder / f"{stem}.txt"
    log.write_text("".join(f"{line}\n" for line in report.lines), encoding="utf-8")
    record.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return [record, log]
