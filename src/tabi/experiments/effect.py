"""One arm against the control: the difference, the interval of today and the one that is valid at every look.

Means, shares and ratios of sums, with or without a covariate, are tea-tasting's: the delta method for ratios (Deng,
Knoblich and Lu, KDD 2018) and CUPED for covariates (Deng, Xu, Kohavi and Walker, WSDM 2013). Its difference and
standard error go into `sequential`, which makes them fit to be looked at every day.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from tabi.experiments.metric import Metric, Size
from tabi.experiments.sequential import LEAST_EVENTS, LEAST_UNITS, information, margin, p_value

if TYPE_CHECKING:
    from tea_tasting.aggr import Aggregates

NUMERATOR, DENOMINATOR, COVARIATE, BEFORE = "y", "d", "x", "w"
"""Columns of the sums over units: the metric, and the same two before the experiment."""

# the interval that tea-tasting is asked for, of which the standard error on the log scale is taken
_ASKED = 0.95
_QUANTILE = 1.959963984540054

Interval = tuple[float, float]


class Effect(msgspec.Struct, frozen=True):
    """A treatment minus the control, in units of the metric; `relative` is the share of the control's value.

    `fixed`: the interval of who looks this once, of level 1 - `alpha`, with its `fixed_p`. `always`,
    `relative_always` and `p`: valid however often one looks. `adjusted_p`: after Holm's correction for several arms,
    of which `alpha` is the level of this arm. `explained`: the variance that the covariate took away.
    """

    arm: str
    metric: str
    units: tuple[int, int]
    control: float
    treatment: float
    difference: float
    error: float
    fixed: Interval
    fixed_p: float
    always: Interval
    p: float
    adjusted_p: float
    alpha: float
    relative: float | None
    relative_always: Interval | None
    explained: float

    @property
    def found(self) -> int:
        """1 or -1 where the interval lies above or below zero, else 0."""
        return (self.always[0] > 0) - (self.always[1] < 0)


class Pair(msgspec.Struct, frozen=True):
    """What a test of one arm rests on; the level comes later, as it depends on the other arms.

    `error`, `log_error`: standard errors of the difference and of the logarithm of the quotient; the latter is None
    where one of the two is not positive. `x`: the information of `sequential`.
    """

    arm: str
    metric: str
    units: tuple[int, int]
    control: float
    treatment: float
    error: float
    log_error: float | None
    x: float
    explained: float

    @property
    def difference(self) -> float:
        """Treatment minus control."""
        return self.treatment - self.control

    @property
    def p(self) -> float:
        """The p-value that is valid at every look."""
        return float(p_value(self.difference / self.error, self.x))


def pair_of(
    arm: str, metric: Metric, control: Aggregates, treatment: Aggregates, planned: float, level: float
) -> Pair | None:
    """The pair, from the sums of both arms; None while there are too few units for any interval to hold.

    `planned`: units of both arms together, and `level` the one they were planned for; both are of the design.
    """
    if not _enough(metric, control, treatment):
        return None
    found = _tested(metric, control, treatment)
    if found is None:
        return None
    pair, error, log_error = found
    plain = _tested(metric, control, treatment, covariate=False)
    explained = 1 - (error / plain[1]) ** 2 if plain else 0.0
    n = control.count() + treatment.count()
    return Pair(
        arm=arm,
        metric=metric.name,
        units=(control.count(), treatment.count()),
        control=pair[0],
        treatment=pair[1],
        error=error,
        log_error=log_error,
        x=float(information(n, planned, level)),
        explained=max(0.0, explained),
    )


def effect_of(pair: Pair, alpha: float, adjusted_p: float | None = None) -> Effect:
    """The intervals of a pair at the level at which it is tested."""
    from scipy.special import ndtr, ndtri

    width = float(margin(pair.x, alpha))
    usual = -float(ndtri(alpha / 2))
    difference, error = pair.difference, pair.error
    relative = relative_always = None
    if pair.log_error is not None:
        quotient, grown = pair.treatment / pair.control, math.exp(min(width * pair.log_error, 700.0))
        relative, relative_always = quotient - 1, (quotient / grown - 1, quotient * grown - 1)
    return Effect(
        arm=pair.arm,
        metric=pair.metric,
        units=pair.units,
        control=pair.control,
        treatment=pair.treatment,
        difference=difference,
        error=error,
        fixed=(difference - usual * error, difference + usual * error),
        fixed_p=float(2 * ndtr(-abs(difference) / error)),
        always=(difference - width * error, difference + width * error),
        p=pair.p,
        adjusted_p=pair.p if adjusted_p is None else adjusted_p,
        alpha=alpha,
        relative=relative,
        relative_always=relative_always,
        explained=pair.explained,
    )


def side(effect: Effect, size: Size, sign: int) -> int:
    """1 where the whole interval is better than a difference of `sign` times the size, -1 where worse, else 0.

    A share of the control is compared on the scale of quotients, which counts the control's own error.
    """
    low, high = effect.always
    bound = sign * size.amount
    if size.relative:
        if effect.relative_always is None:
            bound = sign * size.of(effect.control)
        else:
            low, high = effect.relative_always
    return (low > bound) - (high < bound)


def _enough(metric: Metric, control: Aggregates, treatment: Aggregates) -> bool:
    """Whether the arms, were they equal, would each have as much as the normal limit needs.

    An arm that has no event where the other has many is read: that is a difference, and no lack of units.
    """
    n, m = control.count(), treatment.count()
    if min(n, m) < LEAST_UNITS:
        return False
    if metric.kind == "ratio":
        return bool(control.mean(DENOMINATOR) > 0 and treatment.mean(DENOMINATOR) > 0)
    if metric.kind == "mean":
        return True
    share = (n * control.mean(NUMERATOR) + m * treatment.mean(NUMERATOR)) / (n + m)
    return bool(min(n, m) * min(share, 1 - share) >= LEAST_EVENTS)


def _tested(
    metric: Metric, control: Aggregates, treatment: Aggregates, *, covariate: bool = True
) -> tuple[tuple[float, float], float, float | None] | None:
    """Values of control and treatment, and the two standard errors; None where nothing varies."""
    from tea_tasting import RatioOfMeans

    denominator = DENOMINATOR if metric.kind == "ratio" else None
    before = _before(control, treatment) if covariate else (None, None)
    test = RatioOfMeans(NUMERATOR, denominator, *before, confidence_level=_ASKED, use_t=False, equal_var=False)
    if not any(sums.ratio_var(NUMERATOR, denominator) > 0 for sums in (control, treatment)):
        return None
    result = test.analyze_aggregates(control, treatment)
    # its own kind of number does not become JSON
    error = float((result.effect_size_ci_upper - result.effect_size) / _QUANTILE)
    if not (error > 0 and math.isfinite(error)):
        return None
    log_error = None
    if result.control > 0 and result.treatment > 0:
        log_error = math.log(float((1 + result.rel_effect_size_ci_upper) / (1 + result.rel_effect_size))) / _QUANTILE
    return (float(result.control), float(result.treatment)), error, log_error


def _before(control: Aggregates, treatment: Aggregates) -> tuple[str | None, str | None]:
    """The columns of the covariate, which of a ratio is a ratio too; none where there is none in both arms."""
    if not all(COVARIATE in sums.mean_ for sums in (control, treatment)):
        return None, None
    if BEFORE not in control.mean_:
        return COVARIATE, None
    if control.mean(BEFORE) > 0 and treatment.mean(BEFORE) > 0:
        return COVARIATE, BEFORE
    return None, None
