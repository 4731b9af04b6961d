"""Rounds take their turns, and their medians and ratios are what they are called."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from tabi.bench.compare import Contender, Measured, Round, Settings, Work, compare, ratio, summarise
from tabi.bench.floor import ANSWER
from tabi.bench.process import Command
from tabi.bench.report import floor_contender
from tabi.bench.tally import LoadResult
from tabi.errors import ConfigError, NotReadyError


def load(**figures: Any) -> LoadResult:
    empty = dict.fromkeys(("p50_ms", "p90_ms", "p95_ms", "p99_ms", "max_ms"))
    zero = {"requests": 0, "seconds": 1.0, "rps": 0.0, "sent": 0, "answered": 0, "statuses": {}, "failures": {}}
    more = {"reconnects": 0, "generator_cpu_us": 0.0, "generator_busy": 0.0}
    return msgspec.convert({**zero, **empty, **more, **figures}, LoadResult)


def round_of(rps: float, p99: float | None = 1.0, cpu: float | None = 10.0, **figures: Any) -> Round:
    return Round(rps / 100, 50.0, {"c1": Measured(load(rps=rps, p99_ms=p99, **figures), cpu)})


def test_a_summary_is_the_medians_and_the_sum_of_errors() -> None:
    rounds = [round_of(100, 5.0, statuses={503: 2}), round_of(300, None, None, failures={"dropped": 1}), round_of(200)]
    summary = summarise(rounds)
    found = summary.works["c1"]
    assert (summary.ready_s, summary.rss_mb) == (2.0, 50.0)
    assert (found.rps, found.p99_ms, found.cpu_us, found.errors) == (200, 3.0, 10.0, 3)


def test_a_ratio_compares_each_round_with_its_neighbour() -> None:
    # the machine became ten times slower for one round: both saw it
    ours = [round_of(50), round_of(5), round_of(60)]
    theirs = [round_of(100), round_of(10), round_of(100)]
    assert ratio(ours, theirs, lambda r: r.works["c1"].load.rps) == pytest.approx(0.5)
    nothing = [round_of(0, None)] * 3
    assert ratio(ours, nothing, lambda r: r.works["c1"].load.rps) is None
    assert ratio(nothing, ours, lambda r: r.works["c1"].load.p99_ms) is None


@pytest.mark.parametrize("wrong", [{"rounds": 0}, {"seconds": 0.0}, {"warm_up": -1.0}])
def test_settings_that_measure_nothing_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        Settings(**wrong)


@pytest.mark.system
def test_real_servers_take_turns_and_errors_are_told() -> None:
    bodies = [json.dumps({"features": {"n": i}}).encode() for i in range(10)]
    good = floor_contender([Work("c2", "/predict", bodies, 2)])
    command = Command("broken", good.command.arguments)
    broken = Contender(command, [Work("c2", "/predict", [b"not json"], 2), Work("gone", "/nowhere", bodies, 1)])
    said: list[str] = []
    found = compare([good, broken], Settings(2, 0.3, 0.1, sample_every=1), said.append)
    turns = [line for line in said if line.startswith("round")]
    assert turns == [f"round {n} of 2: {name}" for n in (1, 2) for name in ("floor", "broken")]
    assert len(found["floor"]) == len(found["broken"]) == 2
    for r in found["floor"]:
        measured = r.works["c2"]
        assert measured.load.requests > 0
        assert measured.load.errors == 0
        assert r.ready_s > 0
        assert all(json.loads(sample.answer) == ANSWER for sample in measured.load.samples)
    for r in found["broken"]:
        assert r.works["c2"].load.requests == 0
        assert set(r.works["c2"].load.statuses) == {500}
        assert set(r.works["gone"].load.statuses) == {404}
        assert r.works["c2"].cpu_us is None
    assert any("x 404" in line for line in said)


def test_a_server_that_cannot_start_is_left_out_if_it_is_optional() -> None:
    dead = Contender(Command("dead", (sys.executable, "-c", "print('no licence')")), [], optional=True)
    said: list[str] = []
    assert compare([dead], Settings(2, 0.1, 0.0), said.append) == {}
    assert said[1].endswith("its last words: no licence")
    with pytest.raises(NotReadyError):
        compare([replace(dead, optional=False)], Settings(1, 0.1, 0.0), said.append)
