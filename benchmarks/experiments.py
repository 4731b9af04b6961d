"""What the tests of experiments promise, in simulated experiments that are looked at every day.

python -m benchmarks.experiments    writes docs/evidence/experiments.md

Days of many runs are drawn at once. The same p-values that `tabi experiment status` computes decide; that they are the
same is checked against the functions of the product on some of the runs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import binom, chisquare
from tea_tasting.aggr import Aggregates

from tabi.experiments.design import Plan
from tabi.experiments.effect import pair_of
from tabi.experiments.metric import Metric, read_metric, read_size
from tabi.experiments.plan import Baseline, plan_of
from tabi.experiments.ratio import ALARM, mismatch
from tabi.experiments.sequential import LEAST_EVENTS, LEAST_UNITS, information, p_value
from tabi.experiments.several import holm

PAGE = Path(__file__).resolve().parents[1] / "docs" / "evidence" / "experiments.md"
RUNS = 1000
ALPHA, POWER = 0.05, 0.8
CONFIDENCE = 0.999
"""Of the binomial bounds: one run of the tests in a thousand fails by chance."""

SPLIT_DAILY, ONE_LOOK = 1500, 0.001
"""Units a day in the simulation of the split, and the level at which it is usually tested."""

Floats = npt.NDArray[np.float64]
Draw = Callable[[np.random.Generator, int, float], tuple[Floats, Floats]]


@dataclass(frozen=True)
class Days:
    """Units, sums and sums of squares up to each day, by run, day and arm; the first arm is the control."""

    n: Floats
    sums: Floats
    squares: Floats


class Rate(NamedTuple):
    """How often something happened in how many runs."""

    times: int
    runs: int

    @property
    def share(self) -> float:
        """Of the runs."""
        return self.times / self.runs

    def at_most(self, promised: float) -> bool:
        """Whether a true rate of `promised` would give so many or more with a probability above 1 - CONFIDENCE."""
        return bool(self.times <= binom.ppf(CONFIDENCE, self.runs, promised))

    def at_least(self, promised: float) -> bool:
        """The same towards fewer."""
        return bool(self.times >= binom.ppf(1 - CONFIDENCE, self.runs, promised))


class Split(NamedTuple):
    """Runs that were called broken at any look, by our test and by that of one look; `day`: the mean first of ours."""

    ours: Rate
    usual: Rate
    day: float


def shares(runs: int, days: int, units: tuple[int, ...], rates: tuple[float, ...], seed: int) -> Days:
    """Experiments on a share: `units` of each arm a day in the mean, `rates` of its units with an event."""
    random = np.random.default_rng(seed)
    n = np.cumsum(random.poisson(units, (runs, days, len(units))), axis=1)
    daily = np.diff(n, axis=1, prepend=0)
    events = np.cumsum(random.binomial(daily, rates), axis=1).astype(float)
    return Days(n.astype(float), events, events)


def values(runs: int, days: int, units: tuple[int, ...], lifts: tuple[float, ...], seed: int) -> Days:
    """Experiments on money: nine of ten units spend nothing, the tenth a log-normal sum, times the arm's lift."""
    random = np.random.default_rng(seed)
    sums, squares = np.zeros((runs, days, len(units))), np.zeros((runs, days, len(units)))
    for run in range(runs):
        for arm, count in enumerate(units):
            buyers = random.binomial(count, 0.1, days)
            spent = random.lognormal(3, 1, buyers.sum()) * lifts[arm]
            starts = np.concatenate([[0], np.cumsum(buyers)[:-1]])
            for moment, total in ((1, sums), (2, squares)):
                cumulated = np.concatenate([[0.0], np.cumsum(spent**moment)])
                total[run, :, arm] = cumulated[starts + buyers] - cumulated[starts]
    n = np.broadcast_to(np.cumsum(np.tile(units, (days, 1)), axis=0), sums.shape).astype(float)
    return Days(n, np.cumsum(sums, axis=1), np.cumsum(squares, axis=1))


def looks(of: Days, planned: float, level: float, *, share: bool) -> tuple[Floats, Floats]:
    """The z and always-valid p of each treatment, by run, day and treatment; z is 0 where nothing can be read."""
    mean = of.sums / of.n
    variance = (of.squares - of.sums * mean) / (of.n - 1)
    errors = variance / of.n
    with np.errstate(divide="ignore", invalid="ignore"):
        z = (mean[..., 1:] - mean[..., :1]) / np.sqrt(errors[..., 1:] + errors[..., :1])
    total, least = of.n[..., 1:] + of.n[..., :1], np.minimum(of.n[..., 1:], of.n[..., :1])
    ready = least >= LEAST_UNITS
    if share:
        rate = (of.sums[..., 1:] + of.sums[..., :1]) / total
        ready &= least * np.minimum(rate, 1 - rate) >= LEAST_EVENTS
    z = np.where(ready & np.isfinite(z), z, 0.0)
    return z, np.asarray(p_value(z, information(total, planned, level)))


def false_alarms(of: Days, planned: float, *, share: bool) -> tuple[Rate, Rate]:
    """Runs of two equal arms of which any day said there was a difference: by our test, and by one look's 1.96."""
    z, p = looks(of, planned, ALPHA, share=share)
    runs = len(z)
    return Rate(int((p <= ALPHA).any((1, 2)).sum()), runs), Rate(int((np.abs(z) > 1.96).any((1, 2)).sum()), runs)


def family_errors(of: Days, planned: float, true: int) -> Rate:
    """Runs in which a treatment without effect was found on any day; the last `true` treatments have one."""
    level = ALPHA / (of.n.shape[-1] - 1)
    _, p = looks(of, planned, level, share=True)
    nulls = p.shape[-1] - true
    wrong = 0
    for run in p:
        days = run[(run <= ALPHA).any(1)]
        wrong += any(
            each <= tested.alpha
            for day in days
            for each, tested in list(zip(day, holm(day, ALPHA), strict=True))[:nulls]
        )
    return Rate(wrong, len(p))


def found(of: Days, planned: float, *, share: bool) -> tuple[Rate, float]:
    """Runs in which the treatment was seen to be better on any day, and the mean day of the first that said so."""
    z, p = looks(of, planned, ALPHA, share=share)
    better = ((p <= ALPHA) & (z > 0))[..., 0]
    first = np.where(better.any(1), better.argmax(1) + 1, better.shape[1])
    return Rate(int(better.any(1).sum()), len(better)), float(first.mean())


def planned_share(effect: str = "10%", per_day: float = 4000.0) -> Plan:
    """The plan for a share of 10 %."""
    return plan_of(read_metric("feedback"), read_size(effect), (1, 1), Baseline(0.1, 0.3, per_day), ALPHA, POWER)


def power_of_share(runs: int, seed: int) -> tuple[Rate, float, Plan]:
    """The lift that was planned for, at the sample that was promised."""
    plan = planned_share()
    assert plan.days is not None
    daily = tuple(math.ceil(units / plan.days) for units in plan.units)
    rate, day = found(shares(runs, plan.days, daily, (0.1, 0.11), seed), plan.total, share=True)
    return rate, day, plan


def power_of_value(runs: int, seed: int) -> tuple[Rate, float, Plan]:
    """The same for money, whose distribution is far from normal."""
    mean = 0.1 * math.exp(3.5)
    deviation = math.sqrt(0.1 * math.exp(8) - mean**2)
    metric, effect = read_metric("value"), read_size("25%")
    plan = plan_of(metric, effect, (1, 1), Baseline(mean, deviation, 1500.0), ALPHA, POWER)
    assert plan.days is not None
    daily = tuple(math.ceil(units / plan.days) for units in plan.units)
    rate, day = found(values(runs, plan.days, daily, (1.0, 1.25), seed), plan.total, share=False)
    return rate, day, plan


def split_alarms(runs: int, days: int, seed: int, share: tuple[float, ...] = (0.5, 0.25, 0.25)) -> Split:
    """Runs of three arms with weights 2, 1, 1 that are called broken at any daily look; `share`: what they really get.

    By our test, and by the usual one of one look at a level of 0.1 %.
    """
    random, weights = np.random.default_rng(seed), np.array([0.5, 0.25, 0.25])
    counts = np.cumsum(random.multinomial(SPLIT_DAILY, share, (runs, days)), axis=1).astype(float)
    ours = mismatch(counts, weights.tolist(), SPLIT_DAILY * 20) <= ALARM
    usual = chisquare(counts, counts.sum(-1, keepdims=True) * weights, axis=-1).pvalue < ONE_LOOK
    first = ours.argmax(1)[ours.any(1)] + 1
    mean = float(first.mean()) if len(first) else math.nan
    return Split(Rate(int(ours.any(1).sum()), runs), Rate(int(usual.any(1).sum()), runs), mean)


def less(lost: float) -> tuple[float, ...]:
    """What three arms get where the last loses a share of its units."""
    kept = np.array([0.5, 0.25, 0.25 * (1 - lost)])
    return tuple((kept / kept.sum()).tolist())


def by_product(of: Days, planned: float, metric: Metric, runs: int) -> Floats:
    """The p-values of the product's own functions for the first runs, NaN where it reads nothing."""
    _, days, _ = of.n.shape
    p = np.full((runs, days), np.nan)
    for run in range(runs):
        for day in range(days):
            arms = [_aggregates(of, run, day, arm) for arm in (0, 1)]
            pair = pair_of("b", metric, arms[0], arms[1], planned, ALPHA)
            p[run, day] = math.nan if pair is None else pair.p
    return p


def _aggregates(of: Days, run: int, day: int, arm: int) -> Aggregates:
    n, total, squares = of.n[run, day, arm], of.sums[run, day, arm], of.squares[run, day, arm]
    return Aggregates(int(n), {"y": total / n}, {"y": (squares - total * total / n) / (n - 1)})


def with_covariate(runs: int, days: int, seed: int) -> tuple[Rate, float]:
    """Equal arms with a covariate of half of the variance, by the product's functions: alarms, and what it explains."""
    random = np.random.default_rng(seed)
    metric, planned = read_metric("value"), days * 400.0
    alarms, explained = 0, []
    for _ in range(runs):
        x = random.gamma(2, 5, (2, days * 200))
        y = x + random.normal(0, math.sqrt(50), x.shape)
        hit = False
        for day in range(1, days + 1):
            seen = day * 200
            arms = [_pair(y[arm, :seen], x[arm, :seen]) for arm in (0, 1)]
            pair = pair_of("b", metric, arms[0], arms[1], planned, ALPHA)
            hit |= pair is not None and pair.p <= ALPHA
        alarms += hit
        explained.append(0.0 if pair is None else pair.explained)
    return Rate(alarms, runs), float(np.mean(explained))


def _pair(y: Floats, x: Floats) -> Aggregates:
    return Aggregates(
        len(y),
        {"y": float(y.mean()), "x": float(x.mean())},
        {"y": float(y.var(ddof=1)), "x": float(x.var(ddof=1))},
        {("y", "x"): float(np.cov(y, x)[0, 1])},
    )


def measured(runs: int = RUNS, seed: int = 2026) -> dict[str, Any]:
    """Every figure of the page."""
    even = shares(runs, 20, (500, 500), (0.1, 0.1), seed)
    rare = shares(runs, 20, (500, 500), (0.01, 0.01), seed + 1)
    money = values(runs, 20, (300, 300), (1.0, 1.0), seed + 2)
    four = shares(runs, 20, (500,) * 4, (0.1,) * 4, seed + 3)
    partly = shares(runs, 20, (500,) * 4, (0.1, 0.1, 0.1, 0.13), seed + 4)
    return {
        "share of 10 %": false_alarms(even, 20_000, share=True),
        "share of 1 %": false_alarms(rare, 20_000, share=True),
        "money, nine of ten spend nothing": false_alarms(money, 12_000, share=False),
        "no effect": family_errors(four, 20_000, 0),
        "one effect": family_errors(partly, 20_000, 1),
        "power share": power_of_share(10 * runs, seed + 5),
        "power money": power_of_value(runs, seed + 6),
        "split": [split_alarms(10 * runs, days, seed + 7) for days in (20, 100)],
        "lost": [split_alarms(runs, 20, seed + 9, less(share)) for share in (0.02, 0.05, 0.1)],
        "covariate": with_covariate(runs // 5, 7, seed + 8),
    }


def page(found: dict[str, Any], runs: int) -> str:
    """The page in Markdown."""
    lines = [
        "# Experiments: what the tests promise, and what they do",
        "",
        f"Written by `python -m benchmarks.experiments`: {runs:,} simulated experiments a line, looked at daily.",
        f"Promised are at most {ALPHA:.0%} false alarms over all looks and arms, and a power of {POWER:.0%} at the",
        "sample that `tabi experiment create` asks for.",
        "",
        *_alarm_lines(found),
        "",
        "## Three treatments and a control, Holm, 20 daily looks",
        "",
        "| of the treatments | a false one was found |",
        "|---|---:|",
        f"| none has an effect | {_told(found['no effect'])} |",
        f"| one has an effect | {_told(found['one effect'])} |",
        "",
        *_power_lines(found),
        "",
        *_split_lines(found),
        "",
    ]
    return "\n".join(lines)


def _split_lines(found: dict[str, Any]) -> list[str]:
    lines = [
        "## The test of the split",
        "",
        f"Three arms of weights 2, 1, 1 with {SPLIT_DAILY:,} units a day. Promised",
    ]
    lines += [f"are at most {ALARM:.0%} false alarms over all looks.", ""]
    lines += ["| the split | called broken | mean day | χ² at 0.1 %, each day |", "|---|---:|---:|---:|"]
    for days, of in zip((20, 100), found["split"], strict=True):
        lines.append(f"| is sound, {days} looks | {of.ours.share:.2%} | – | {of.usual.share:.2%} |")
    for lost, of in zip((2, 5, 10), found["lost"], strict=True):
        lines.append(
            f"| loses {lost} % of one arm's units, 20 looks | {_told(of.ours)} | {of.day:.1f} | {_told(of.usual)} |"
        )
    return lines


def _alarm_lines(found: dict[str, Any]) -> list[str]:
    lines = ["## Two equal arms, 20 daily looks", "", "| metric | false alarms | with a test for one look |"]
    lines.append("|---|---:|---:|")
    for name in ("share of 10 %", "share of 1 %", "money, nine of ten spend nothing"):
        ours, usual = found[name]
        lines.append(f"| {name} | {_told(ours)} | {_told(usual)} |")
    rate, explained = found["covariate"]
    what = f"a covariate of {explained:.0%} of the variance, 7 looks, {rate.runs} runs"
    return [*lines, f"| {what} | {_told(rate)} | – |"]


def _power_lines(found: dict[str, Any]) -> list[str]:
    lines = ["## The lift that was planned for", ""]
    lines += ["| metric | units an arm | with one look | days | found | mean day of the end, planned | seen |"]
    lines += ["|---|---:|---:|---:|---:|---:|---:|"]
    for name, what in (("power share", "share of 10 %, +10 %"), ("power money", "money, +25 %")):
        rate, day, plan = found[name]
        needs = f"{plan.units[0]:,} | {plan.fixed // 2:,} | {plan.days}"
        lines.append(f"| {what} | {needs} | {_told(rate)} | {plan.typical:.1f} | {day:.1f} |")
    return lines


def _told(rate: Rate) -> str:
    return f"{rate.share:.1%}"


def main() -> None:
    """Write the page."""
    text = page(measured(), RUNS)
    PAGE.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
