"""Several arms against one control: Holm's correction (1979), which holds under any dependence between the arms.

Of p-values that are valid at every look it is itself valid at every look: each step is a Bonferroni bound over events
that hold for all time. Dunnett's test is sharper, for it knows that the arms share a control, but it is of one look.
Benjamini and Hochberg's rate of false discoveries loses its promise when one stops at the first discovery.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from tabi.experiments.effect import Effect, Pair, effect_of


class Level(NamedTuple):
    """`alpha`: at which a comparison is tested in its step. `p`: adjusted, to compare with the level of all."""

    alpha: float
    p: float


def holm(p_values: Sequence[float], alpha: float) -> list[Level]:
    """The step-down levels of tea-tasting, in the order of the p-values."""
    from tea_tasting import adjust_fwer
    from tea_tasting.experiment import ExperimentResult

    asked = {place: ExperimentResult({"p": {"pvalue": p}}) for place, p in enumerate(p_values)}
    done = adjust_fwer(asked, alpha=alpha, arbitrary_dependence=True, method="bonferroni")
    found = [done[place]["p"] for place in range(len(p_values))]
    return [Level(float(each["alpha_adj"]), float(each["pvalue_adj"])) for each in found]


def effects_of(pairs: Sequence[Pair | None], alpha: float) -> list[Effect | None]:
    """The effects of all arms. One that cannot be read yet counts, with a p-value of 1."""
    levels = holm([1.0 if pair is None else pair.p for pair in pairs], alpha)
    return [
        None if pair is None else effect_of(pair, level.alpha, level.p)
        for pair, level in zip(pairs, levels, strict=True)
    ]
