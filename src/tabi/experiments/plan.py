"""How many units an experiment needs, and for how many days.

The number is for the test that `status` runs: looked at once a day, stopped at the first day that excludes zero. It is
greater than that of a test that is looked at once; that one is told beside it. With several treatments each comparison
has the power by itself, at the strictest level of Holm's correction.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from tabi.errors import ConfigError
from tabi.experiments.design import Plan, require_levels
from tabi.experiments.metric import Metric, Size
from tabi.experiments.sequential import LEAST_EVENTS, LEAST_UNITS, LOOKS, crossing, drift_for

MOST_UNITS = 10**12

SPARE = 0.005
"""Power that is asked for beyond what is promised: simulated, the normal limit falls short by up to so much."""


@dataclass(frozen=True)
class Baseline:
    """The control before the experiment: the metric, its standard deviation per unit, and units a day.

    `explained`: the share of the variance that a covariate takes away.
    """

    value: float
    deviation: float
    per_day: float | None = None
    explained: float = 0.0


def plan_of(
    metric: Metric, effect: Size, weights: tuple[float, ...], baseline: Baseline, alpha: float, power: float
) -> Plan:
    """The needed sample. `weights`: of the arms, control first. `ConfigError` where no sample can do it."""
    require_levels(alpha, power)
    if len(weights) < 2 or not all(weight > 0 and math.isfinite(weight) for weight in weights):
        raise ConfigError("an experiment has two arms or more, each with a weight above 0")
    level = alpha / (len(weights) - 1)
    share = tuple(weight / sum(weights) for weight in weights)
    size = effect.of(baseline.value)
    variances = _variances(metric, baseline, size)
    # drift² = size² N / (variance / share + …), for the comparison that needs most units
    spread = max(variances[0] / share[0] + variances[1] / each for each in share[1:])
    looks = 1
    for _ in range(4):
        drift = drift_for(min(power + SPARE, 0.9995), looks, level)
        total = max(drift * drift * spread / size**2, _least(metric, baseline) / min(share))
        if not total < MOST_UNITS:
            raise ConfigError("no experiment can see so small an effect: ask for a greater one with --effect")
        looks = 1 if baseline.per_day is None else max(1, min(LOOKS, math.ceil(total / baseline.per_day)))
    days = None if baseline.per_day is None else math.ceil(total / baseline.per_day)
    typical = None if days is None else days * crossing(drift, looks, level)[1]
    return Plan(
        units=tuple(math.ceil(total * each) for each in share),
        fixed=_fixed(metric, baseline, share, size, level, power),
        baseline=baseline.value,
        deviation=baseline.deviation,
        per_day=baseline.per_day,
        days=days,
        typical=typical,
    )


def _variances(metric: Metric, baseline: Baseline, size: float) -> tuple[float, float]:
    """Of a unit in the control and in a treatment that has the effect."""
    if size <= 0:
        raise ConfigError("a share of nothing is nothing: the baseline is 0, so say the effect as a number, not in %")
    kept = 1 - baseline.explained
    if metric.kind != "proportion":
        if not (baseline.deviation > 0 and math.isfinite(baseline.deviation)):
            raise ConfigError("the metric does not vary, so no sample can be computed: give --deviation")
        variance = kept * baseline.deviation**2
        # what makes people spend more makes them differ more: the deviation grows as the mean does
        grown = 1 + size / abs(baseline.value) if baseline.value and metric.sign > 0 else 1.0
        return variance, variance * grown**2
    moved = baseline.value + metric.sign * size
    if not 0 < baseline.value < 1 or not 0 < moved < 1:
        raise ConfigError("a share lies between 0 and 1, with the effect too: mend --baseline or --effect")
    return kept * baseline.value * (1 - baseline.value), kept * moved * (1 - moved)


def _least(metric: Metric, baseline: Baseline) -> float:
    """Units of an arm below which nothing is read."""
    if metric.kind != "proportion":
        return LEAST_UNITS
    return max(LEAST_UNITS, 2 * LEAST_EVENTS / min(baseline.value, 1 - baseline.value))


def _fixed(
    metric: Metric, baseline: Baseline, share: tuple[float, ...], size: float, level: float, power: float
) -> int:
    """Units of all arms for a test that is looked at once, from tea-tasting, in the control's variance."""
    from tea_tasting import RatioOfMeans
    from tea_tasting.aggr import Aggregates

    variance = _variances(metric, baseline, size)[0]
    known = Aggregates(2, {"y": baseline.value}, {"y": variance})
    totals: list[int] = []
    for each in share[1:]:
        test = RatioOfMeans("y", alpha=level, power=power, ratio=each / share[0], effect_size=size, use_t=False)
        try:
            pair = test.solve_power_from_aggregates(known, "n_obs")[0].n_obs
        except ValueError:
            # it begins to look at three units, and fewer would do
            pair = 3
        totals.append(math.ceil(pair / (share[0] + each)))
    return max(totals)
