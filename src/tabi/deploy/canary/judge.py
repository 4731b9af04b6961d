"""Whether the challenger is worse than the champion, by what both counted: looked at again and again, and honest still.

Each look k of a rollout spends alpha / (k (k + 1)) of the chance of a false alarm, which sums to alpha over all looks
(alpha spending by Bonferroni, as in Lan and DeMets 1983), shared by the gates. Only evidence of harm ends a canary;
that there is enough to see it is the least number of requests.

errors     of e errors of both arms the challenger's are Binomial(e, n₂ r / (n₁ + n₂ r)) where its rate is r times the
           champion's (conditional test of two Poisson rates, Przyborowski and Wilenski 1940). No more than r is allowed
p95        of the challenger's requests no more than 5 % may be slower than a bound: the first bound of the histogram
           that is at least `slower` times the champion's p95. How many are is Binomial (distribution-free limits of a
           quantile, Conover 1999)
warnings   as errors, of warnings a row, and the share must have grown by a figure that matters too
scores     chi-square of the score's bins in both arms, and the population stability index above a figure that matters:
           of many rows every difference is significant
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, log
from typing import NamedTuple

from tabi.deploy.canary.meter import ArmCounts


@dataclass(frozen=True)
class Bounds:
    """What a challenger may be worse by, and how many requests must have been seen.

    `least`: of the challenger in a step. `times`: its rate of errors, or of warnings, as a multiple of the champion's.
    `slower`: its p95 as a multiple. `warnings`: growth of warnings a row. `psi`: of the score. `alpha`: the chance that
    a canary of an equal challenger is ended, over all looks and gates.
    """

    least: int = 200
    times: float = 1.5
    slower: float = 1.5
    warnings: float = 0.02
    psi: float = 0.25
    alpha: float = 0.05


class Verdict(NamedTuple):
    """What a gate says. `worse`: the challenger is, beyond what chance makes."""

    gate: str
    worse: bool
    text: str


def judge(champion: ArmCounts, challenger: ArmCounts, bounds: Bounds, look: int) -> list[Verdict]:
    """The verdict of every gate at a look, counted from 1."""
    alpha = bounds.alpha / (look * (look + 1)) / 4
    return [
        _errors(champion, challenger, bounds, alpha),
        _p95(champion, challenger, bounds, alpha),
        _warnings(champion, challenger, bounds, alpha),
        _scores(champion, challenger, bounds, alpha),
    ]


def _errors(champion: ArmCounts, challenger: ArmCounts, bounds: Bounds, alpha: float) -> Verdict:
    pvalue = _more(champion.errors, champion.requests, challenger.errors, challenger.requests, bounds.times)
    ours, theirs = _rate(challenger.errors, challenger.requests), _rate(champion.errors, champion.requests)
    text = f"{ours:.2%} of its requests failed, {theirs:.2%} of the champion's (p {pvalue:.2g})"
    return Verdict("errors", pvalue < alpha, text)


def _warnings(champion: ArmCounts, challenger: ArmCounts, bounds: Bounds, alpha: float) -> Verdict:
    pvalue = _more(champion.warnings, champion.predictions, challenger.warnings, challenger.predictions, bounds.times)
    ours, theirs = _rate(challenger.warnings, challenger.predictions), _rate(champion.warnings, champion.predictions)
    worse = pvalue < alpha and ours - theirs > bounds.warnings
    return Verdict("warnings", worse, f"{ours:.3f} warnings a row, {theirs:.3f} of the champion's (p {pvalue:.2g})")


def _p95(champion: ArmCounts, challenger: ArmCounts, bounds: Bounds, alpha: float) -> Verdict:
    from scipy.stats import binom

    theirs = quantile(champion, 0.95)
    if theirs is None or not challenger.requests:
        return Verdict("p95", False, "not known yet")
    bound = next((le for le in sorted(challenger.durations) if le >= theirs * bounds.slower), None)
    if bound is None:
        return Verdict("p95", False, "slower than every bound of the histogram")
    requests = round(challenger.requests)
    slow = max(requests - round(challenger.durations[bound]), 0)
    pvalue = float(binom.sf(slow - 1, requests, 0.05))
    text = f"{slow / requests:.2%} of its requests were slower than {bound * 1000:g} ms, 5 % may be (p {pvalue:.2g})"
    return Verdict("p95", pvalue < alpha, text)


def _scores(champion: ArmCounts, challenger: ArmCounts, bounds: Bounds, alpha: float) -> Verdict:
    from scipy.stats import chi2_contingency

    counted = {
        each: (challenger.scores.get(each, 0.0), champion.scores.get(each, 0.0))
        for each in champion.scores.keys() | challenger.scores.keys()
    }
    bins = sorted(each for each, both in counted.items() if sum(both) > 0)
    ours, theirs = [counted[each][0] for each in bins], [counted[each][1] for each in bins]
    if len(bins) < 2 or not sum(ours) or not sum(theirs):
        return Verdict("scores", False, "not known yet")
    pvalue = float(chi2_contingency([ours, theirs]).pvalue)
    found = psi(dict(zip(bins, theirs, strict=True)), dict(zip(bins, ours, strict=True)))
    return Verdict("scores", pvalue < alpha and found > bounds.psi, f"PSI {found:.3f} (p {pvalue:.2g})")


def _more(errors1: float, count1: float, errors2: float, count2: float, times: float) -> float:
    """The chance of so many of the second, were its rate `times` the first's."""
    from scipy.stats import binom

    both = ceil(errors1) + ceil(errors2)
    if not both or not count1 or not count2:
        return 1.0
    return float(binom.sf(ceil(errors2) - 1, both, count2 * times / (count1 + count2 * times)))


def _rate(count: float, of: float) -> float:
    return count / of if of else 0.0


def quantile(arm: ArmCounts, share: float) -> float | None:
    """The first bound of the histogram, in seconds, that holds the share of requests; None if none does."""
    if not arm.requests:
        return None
    return next((le for le in sorted(arm.durations) if arm.durations[le] >= share * arm.requests), None)


def psi(expected: Mapping[str, float], found: Mapping[str, float]) -> float:
    """Population stability index of counts over the same bins; half a row is added to each, so that none is empty."""
    of_expected, of_found = (sum(each.values()) + len(each) / 2 for each in (expected, found))
    shares = [((expected[each] + 0.5) / of_expected, (found[each] + 0.5) / of_found) for each in expected]
    return sum((new - old) * log(new / old) for old, new in shares)
