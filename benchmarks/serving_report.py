"""The figures of benchmarks/serving.py as a page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from benchmarks.peers.catalogue import BATCH
from benchmarks.peers.catalogue import FASTAPI as FASTAPI_PEER
from tabi.bench.compare import Round, Settings, ratio, summarise
from tabi.bench.report import FLOOR

Rounds = Mapping[str, Sequence[Round]]
FASTAPI = FASTAPI_PEER.name
OURS, LIKE_FOR_LIKE = "tabi, released model", "tabi, portfolio's pipeline"
ONE_WORKER, TWO_WORKERS = "tabi, 1 worker, not pinned", "tabi, 2 workers, not pinned"
BATCHING = ("BentoML, adaptive batching", f"LitServe, batches of {BATCH}")
BATCH_ROWS = 100


def document(rounds: Rounds, differences: Mapping[str, float | None], settings: Settings, head: Sequence[str]) -> str:
    """The whole page."""
    parts = [
        ["# Serving: figures", "", *head],
        [
            f"Medians of {settings.rounds} rounds of {settings.seconds:g} s for each load, taken in turns, with the",
            "real rows of the test set. What each figure means: [bench.md](../bench.md).",
        ],
        _one_row(rounds),
        _quality(rounds, differences),
        _batches(rounds),
        _workers(rounds),
        _aims(rounds),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def rps(work: str) -> Callable[[Round], float | None]:
    """Requests a second of one kind of load."""
    return lambda r: r.works[work].load.rps


def p99(r: Round) -> float | None:
    """The 99th percentile at 32 connections."""
    return r.works["c32"].load.p99_ms


def capacity(r: Round) -> float | None:
    """Requests for a second of processor time at 32 connections, which other work on the machine changes little."""
    cpu_us = r.works["c32"].cpu_us
    return 1e6 / cpu_us if cpu_us else None


def _pinned(rounds: Rounds) -> dict[str, Sequence[Round]]:
    """The servers on one core."""
    return {name: found for name, found in rounds.items() if name not in (ONE_WORKER, TWO_WORKERS)}


def _one_row(rounds: Rounds) -> list[str]:
    lines = [
        "| one row a request | c1 RPS | c32 RPS | c32 / floor | c32 / FastAPI | c32 p50, ms | p95 | p99 |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, found in _pinned(rounds).items():
        s = summarise(found).works["c32"]
        cells = [
            _number(summarise(found).works["c1"].rps, 0),
            _number(s.rps, 0),
            _number(_ratio(rounds, name, FLOOR, rps("c32")), 3),
            _number(_ratio(rounds, name, FASTAPI, rps("c32")), 1),
            *(_number(value, 2) for value in (s.p50_ms, s.p95_ms, s.p99_ms)),
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def _quality(rounds: Rounds, differences: Mapping[str, float | None]) -> list[str]:
    lines = [
        "| the process | ready, s | MB after single rows | after batches | CPU at c32, µs | errors | far |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, found in _pinned(rounds).items():
        s = summarise(found)
        errors = sum(figures.errors for figures in s.works.values())
        far = differences.get(name)
        cells = [
            _number(s.ready_s, 2),
            _number(s.works["c32"].rss_mb, 0),
            _number(s.rss_mb, 0),
            _number(s.works["c32"].cpu_us, 0),
            _number(errors, 0),
            "-" if far is None else f"{far:.1e}",
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return [
        *lines,
        "",
        "Far: the largest difference of a sampled answer from the fitted pipeline's own on the same row. Memory is of",
        "all processes; tabi starts a second one with the first large request, which has the model as well.",
    ]


def _batches(rounds: Rounds) -> list[str]:
    lines = [
        f"| {BATCH_ROWS} rows a request, 4 connections | rows a second | / FastAPI | p50, ms | p99, ms |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for name, found in _pinned(rounds).items():
        s = summarise(found).works["batch"]
        of_fastapi = _number(_ratio(rounds, name, FASTAPI, rps("batch")), 1)
        p50, p99_ms = _number(s.p50_ms, 1), _number(s.p99_ms, 1)
        lines.append(f"| {name} | {_number(s.rps * BATCH_ROWS, 0)} | {of_fastapi} | {p50} | {p99_ms} |")
    return lines


def _workers(rounds: Rounds) -> list[str]:
    if ONE_WORKER not in rounds or TWO_WORKERS not in rounds:
        return []
    lines = [
        f"| workers | c32 RPS | c32 p99, ms | batches of {BATCH_ROWS} rows, RPS |",
        "| --- | ---: | ---: | ---: |",
    ]
    for name in (ONE_WORKER, TWO_WORKERS):
        one, many = summarise(rounds[name]).works["c32"], summarise(rounds[name]).works["batch"]
        lines.append(f"| {name} | {_number(one.rps, 0)} | {_number(one.p99_ms, 2)} | {_number(many.rps, 0)} |")
    single, batch = (_number(_ratio(rounds, TWO_WORKERS, ONE_WORKER, rps(name)), 2) for name in ("c32", "batch"))
    return [
        *lines,
        "",
        f"Two workers / one: **{batch}** with batches, {single} with one row a request. The load generator shares the",
        "machine's cores with them: with one row a request it takes a good part of one, with batches next to nothing.",
    ]


def _aims(rounds: Rounds) -> list[str]:
    if OURS not in rounds or LIKE_FOR_LIKE not in rounds:
        return []
    peers = [name for name in BATCHING if name in rounds]
    best = max(peers, key=lambda name: summarise(rounds[name]).works["c32"].rps, default=None)
    lines = ["| aim, c32 | wanted | released model | portfolio's pipeline |", "| --- | ---: | ---: | ---: |"]
    checks: list[tuple[str, str, str | None, Callable[[Round], float | None], float, bool]] = [
        ("RPS / floor", "≥ 0.7", FLOOR, rps("c32"), 0.7, True),
        ("CPU a request, floor's / ours", "≥ 0.7", FLOOR, capacity, 0.7, True),
        ("RPS / FastAPI + joblib", "≥ 60", FASTAPI, rps("c32"), 60, True),
        (f"RPS / best batching peer ({best})", "≥ 8", best, rps("c32"), 8, True),
        ("p99 / floor", "≤ 3", FLOOR, p99, 3, False),
        ("ready after, s", "≤ 0.8", None, lambda r: r.ready_s, 0.8, False),
        ("memory after single rows, MB", "≤ 110", None, lambda r: r.works["c32"].rss_mb, 110, False),
    ]
    for label, wanted, of, figure, limit, at_least in checks:
        if (of is None and "RPS" in label) or (of is not None and of not in rounds):
            continue
        cells = [_verdict(rounds, name, of, figure, limit, at_least=at_least) for name in (OURS, LIKE_FOR_LIKE)]
        lines.append(f"| {label} | {wanted} | {' | '.join(cells)} |")
    return lines


def _verdict(
    rounds: Rounds,
    name: str,
    of: str | None,
    figure: Callable[[Round], float | None],
    limit: float,
    *,
    at_least: bool,
) -> str:
    if of is None:
        known = sorted(value for value in map(figure, rounds[name]) if value is not None)
        found = known[len(known) // 2] if known else None
    else:
        found = _ratio(rounds, name, of, figure)
    if found is None:
        return "-"
    met = found >= limit if at_least else found <= limit
    return f"{found:,.2f} {'met' if met else '**not met**'}"


def _ratio(rounds: Rounds, name: str, of: str, figure: Callable[[Round], float | None]) -> float | None:
    return ratio(rounds[name], rounds[of], figure) if of in rounds else None


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"
