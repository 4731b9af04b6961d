"""Write the page, and leave evidence that models were shown side by side."""

from __future__ import annotations

from pathlib import Path

from tabi import evidence
from tabi.errors import ConfigError
from tabi.monitoring.page.page import page_of
from tabi.monitoring.report import Report
from tabi.workspace import Workspace

KIND = "comparison"


def write_page(workspace: Workspace, report: Report, path: Path) -> None:
    """Write the page of a report to a file; `ConfigError` if it cannot be written."""
    try:
        path.write_text(page_of(report), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot write {path} ({error.strerror}): name a file in a folder that is there") from error
    performance = report.sections.get("performance")
    groups = performance.figures.get("groups", []) if performance else []
    where = path.resolve()
    inside = where.is_relative_to(workspace.root)
    record = evidence.Record(
        kind=KIND,
        subject=report.model,
        verdict="pass",
        inputs={"bundle": report.bundle, "begin": report.begin, "end": report.end},
        figures={
            "page": (where.relative_to(workspace.root) if inside else Path(where.name)).as_posix(),
            "models": sorted({group["version"] for group in groups}),
        },
    )
    evidence.append(workspace.evidence, record)
