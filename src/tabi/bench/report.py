"""A served model beside the floor: the run, the table, and the one line for programs."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from tabi.bench.compare import Contender, Round, Say, Settings, Summary, Work, compare, ratio, summarise
from tabi.bench.process import Command, cores
from tabi.bench.rows import Row, predict_bodies
from tabi.bundle import Bundle
from tabi.evidence import Record, append
from tabi.workspace import Workspace

FLOOR = "floor"


class BenchReport(msgspec.Struct, frozen=True):
    """What `tabi bench` found. `ratios`: ours / the floor's, the median over the rounds; by figure."""

    ref: str
    connections: int
    rounds: int
    seconds: float
    floor: Summary
    ours: Summary
    ratios: dict[str, float | None]


def bench(ref: str, rows: Sequence[Row], connections: int, settings: Settings, say: Say) -> BenchReport:
    """Start `tabi serve REF` and the floor in turns and load both with the same rows."""
    works = works_of(rows, connections)
    with tempfile.TemporaryDirectory(prefix="tabi-bench-") as scratch:
        ours_and_floor = [floor_contender(works), Contender(tabi_command(ref, ref, Path(scratch)), works)]
        rounds = compare(ours_and_floor, settings, say)
    ours, floor = rounds[ref], rounds[FLOOR]
    ratios = {name: ratio(ours, floor, figure) for name, figure in _figures_of(works).items()}
    return BenchReport(ref, connections, settings.rounds, settings.seconds, summarise(floor), summarise(ours), ratios)


def leave_evidence(workspace: Workspace, bundle: Bundle, report: BenchReport) -> None:
    """A record of what was measured of which bundle, and on how many cores."""
    errors = sum(figures.errors for figures in report.ours.works.values())
    figures = {
        "works": {name: msgspec.to_builtins(found) for name, found in report.ours.works.items()},
        "ratios": report.ratios,
        "errors": errors,
        "cores": len(cores()),
    }
    record = Record(
        kind="bench",
        subject=bundle.name,
        verdict="fail" if errors else "pass",
        inputs={"bundle": bundle.id},
        figures=figures,
    )
    append(workspace.evidence, record)


def tabi_command(name: str, ref: str, scratch: Path, *options: str) -> Command:
    """Our server with everything that is on by default. What it writes goes to `scratch`: these are no users."""
    command = (sys.executable, "-m", "tabi", "serve", ref, "--host", "127.0.0.1", "--port", "{port}", *options)
    environment = {f"TABI_{kind.upper()}": str(scratch / kind) for kind in ("predictions", "evidence")}
    return Command(name, command, environment=environment)


def works_of(rows: Sequence[Row], connections: int) -> list[Work]:
    """One row a request, on one connection and on many."""
    bodies = predict_bodies(rows)
    return [Work(f"c{c}", "/predict", bodies, c) for c in sorted({1, connections})]


def floor_contender(works: Sequence[Work]) -> Contender:
    """The floor, loaded as the others are."""
    command = (sys.executable, "-m", "tabi.bench.floor", "--port", "{port}")
    return Contender(Command(FLOOR, command), works)


def table(report: BenchReport) -> list[str]:
    """Lines of plain text: a line for each figure, ours beside the floor's, and the ratio."""
    lines = [f"{'':<26}{report.ref[-20:]:>22}{FLOOR:>14}{'ratio':>10}"]
    for name in report.ours.works:
        ours, floor = report.ours.works[name], report.floor.works[name]
        count = name.removeprefix("c")
        lines.append(f"{count} connection{'' if count == '1' else 's'}")
        for label, attribute, digits in (
            ("requests a second", "rps", 0),
            ("p50, ms", "p50_ms", 2),
            ("p95, ms", "p95_ms", 2),
            ("p99, ms", "p99_ms", 2),
            ("CPU a request, µs", "cpu_us", 0),
        ):
            pair = getattr(ours, attribute), getattr(floor, attribute)
            lines.append(_line("  " + label, *pair, report.ratios[f"{name}_{attribute}"], digits))
        lines.append(_line("  errors", ours.errors, floor.errors, None, 0))
    lines.append("process")
    lines.append(_line("  ready after, s", report.ours.ready_s, report.floor.ready_s, report.ratios["ready_s"], 2))
    lines.append(_line("  memory, MB", report.ours.rss_mb, report.floor.rss_mb, report.ratios["rss_mb"], 0))
    return lines


def last_line(report: BenchReport) -> str:
    """`[BENCH] name=value …` for programs."""
    many = f"c{report.connections}"
    words: dict[str, Any] = {"ref": report.ref, "connections": report.connections}
    for name in sorted(report.ours.works, key=lambda name: int(name[1:])):
        words[f"rps_{name}"] = _shown(report.ours.works[name].rps, 0)
        words[f"ratio_{name}"] = _shown(report.ratios[f"{name}_rps"], 3)
    words["p99_ms"] = _shown(report.ours.works[many].p99_ms, 3)
    words["p99_ratio"] = _shown(report.ratios[f"{many}_p99_ms"], 3)
    words["cpu_us"] = _shown(report.ours.works[many].cpu_us, 1)
    words["ready_s"] = _shown(report.ours.ready_s, 3)
    words["rss_mb"] = _shown(report.ours.rss_mb, 1)
    words["errors"] = sum(figures.errors for figures in report.ours.works.values())
    return "[BENCH] " + " ".join(f"{name}={str(value).replace(',', '')}" for name, value in words.items())


def _figures_of(works: Sequence[Work]) -> dict[str, Any]:
    """How to find each figure that has a ratio in a round."""
    found: dict[str, Any] = {"ready_s": lambda r: r.ready_s, "rss_mb": lambda r: r.rss_mb}
    for work in works:
        for attribute in ("rps", "p50_ms", "p95_ms", "p99_ms"):
            found[f"{work.name}_{attribute}"] = _load_figure(work.name, attribute)
        found[f"{work.name}_cpu_us"] = _cpu_figure(work.name)
    return found


def _load_figure(work: str, attribute: str) -> Any:
    def figure(r: Round) -> float | None:
        value: float | None = getattr(r.works[work].load, attribute)
        return value

    return figure


def _cpu_figure(work: str) -> Any:
    return lambda r: r.works[work].cpu_us


def _line(label: str, ours: float | None, floor: float | None, quotient: float | None, digits: int) -> str:
    return f"{label:<26}{_shown(ours, digits):>22}{_shown(floor, digits):>14}{_shown(quotient, 2, ''):>10}"


def _shown(value: float | None, digits: int, unknown: str = "-") -> str:
    return unknown if value is None else f"{value:,.{digits}f}"
