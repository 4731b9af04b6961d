"""The figures: docs/evidence/incidents.json and .md, and the line of each runbook that tells how long it took."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from benchmarks.incidents.scene import Found
from benchmarks.machine import machine

DOCS = Path(__file__).resolve().parents[2] / "docs"
RUNBOOKS, EVIDENCE = DOCS / "runbooks", DOCS / "evidence"
COMMAND = "python -m benchmarks.incidents"
BEGIN = "Measured: "
ABOUT = (
    "Each failure of the [runbooks](../runbooks/README.md) that one machine can have, made for real and mended by the",
    "page's own commands, with a server that `tabi deploy` started. Seconds: from the failure until it shows, and from",
    "the start of the first command until it is over. What a person needs to read and decide is not in it. Alerts come",
    "by the real Prometheus and Alertmanager, with the rules in use, an hour of them in 10 s: in use each comes and",
    "goes later by its own window.",
)


def keep(found: Found, load: float) -> None:
    """Write what was made now beside what was made before."""
    path = EVIDENCE / "incidents.json"
    known = json.loads(path.read_text(encoding="utf-8"))["incidents"] if path.exists() else {}
    at = f"{datetime.now(UTC):%Y-%m-%d %H:%M}"
    seconds = {
        "seen_s": None if found.seen_s is None else _rounded(found.seen_s),
        "mended_s": _rounded(found.mended_s),
    }
    known[found.page] = {**found._asdict(), **seconds, "at": at, "load": round(load, 1)}
    _tell(found.page, known[found.page])
    known = dict(sorted(known.items()))
    document = {"command": COMMAND, "incidents": known}
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    (EVIDENCE / "incidents.md").write_text(page(known), encoding="utf-8")


def line_of(page_name: str, found: Mapping[str, object]) -> str:
    """What a runbook says of how long it took."""
    seen = found["seen"] if found["seen_s"] is None else f"{found['seen']} after {found['seen_s']} s"
    return (
        f"{BEGIN}{found['made']}. Seen: {seen}. Mended: {found['mended']}, {found['mended_s']} s. "
        f"By `{COMMAND} {page_name}`: [all](../evidence/incidents.md)."
    )


def _tell(page_name: str, found: Mapping[str, object]) -> None:
    path = RUNBOOKS / f"{page_name}.md"
    lines = path.read_text(encoding="utf-8").splitlines()
    line = line_of(page_name, found)
    heading = "## How long"
    if heading not in lines:
        lines += ["", heading, ""]
    at = lines.index(heading) + 2
    if lines[at : at + 1] and lines[at].startswith(BEGIN):
        lines[at] = line
    else:
        lines[at:at] = [line, ""] if lines[at:] else [line]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def page(known: Mapping[str, Mapping[str, object]]) -> str:
    """All figures."""
    rows = [
        f"| [{name}](../runbooks/{name}.md) | {found['made']} | {found['seen']} | {_number(found['seen_s'])} "
        f"| {found['mended']} | {_number(found['mended_s'])} | {found['at']} | {found['load']} |"
        for name, found in known.items()
    ]
    return "\n".join(
        [
            "# Incidents: figures",
            "",
            f"Written by `{COMMAND}`, with the time and the load of the machine when each was made.",
            machine(("sqlalchemy", "onnxruntime")),
            "",
            *ABOUT,
            "",
            "| page | made by | what is seen | s | mended by | s | at, UTC | load |",
            "| --- | --- | --- | ---: | --- | ---: | --- | ---: |",
            *rows,
            "",
        ]
    )


def _rounded(seconds: float) -> float:
    return round(seconds, 1 if seconds >= 1 else 3)


def _number(seconds: object) -> str:
    return "–" if seconds is None else str(seconds)


def known_pages() -> dict[str, dict[str, object]]:
    """What was measured so far."""
    found = msgspec.json.decode((EVIDENCE / "incidents.json").read_bytes())["incidents"]
    return dict(found)
