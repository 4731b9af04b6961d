"""All sections of one question: as lines, as JSON, as evidence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import msgspec

from tabi import evidence
from tabi.monitoring.question import Asked, Question
from tabi.monitoring.section import Found, Section, Verdict, worst
from tabi.monitoring.sections import SECTIONS
from tabi.workspace import Workspace

KIND = "monitor"


class Report(msgspec.Struct, frozen=True):
    """What was found of a model between two moments, ISO 8601 in UTC. `bundle`: the id of what answers now."""

    model: str
    bundle: str
    begin: str
    end: str
    verdict: Verdict
    sections: dict[str, Found]


def monitor(workspace: Workspace, asked: Asked, sections: Sequence[Section] = SECTIONS) -> Report:
    """Ask every section, and leave evidence of the whole and of those that want a record of their own."""
    with Question(workspace, asked, datetime.now(UTC)) as question:
        bundle = question.bundle.id
        found = {section.key: section.look(question) for section in sections}
    verdict = worst([each.verdict for each in found.values()])
    report = Report(asked.name, bundle, question.begin.isoformat(), question.until.isoformat(), verdict, found)
    _leave_evidence(workspace, report)
    return report


def lines_of(report: Report) -> Iterator[str]:
    """The report for a person."""
    yield f"{report.model} {report.bundle[:12]}, {report.begin[:16]} to {report.end[:16]} UTC"
    for found in report.sections.values():
        yield ""
        yield f"{found.title}: {found.verdict}, {found.reason}"
        yield from (f"  {line}" for line in found.lines)
    yield ""
    yield f"verdict: {report.verdict}"


def _leave_evidence(workspace: Workspace, report: Report) -> None:
    inputs = {"bundle": report.bundle, "begin": report.begin, "end": report.end}
    verdicts = {
        key: {"verdict": found.verdict, "reason": found.reason} | ({"needed": found.needed} if found.needed else {})
        for key, found in report.sections.items()
    }
    for found in report.sections.values():
        if found.evidence:
            figures = {**found.figures, "reason": found.reason}
            _append(workspace, found.evidence, report.model, found.verdict, inputs, figures)
    _append(workspace, KIND, report.model, report.verdict, inputs, {"sections": verdicts})


def _append(
    workspace: Workspace, kind: str, name: str, verdict: Verdict, inputs: dict[str, str], figures: dict[str, object]
) -> None:
    record = evidence.Record(kind=kind, subject=name, verdict=verdict, inputs=inputs, figures=figures)
    evidence.append(workspace.evidence, record)
