"""Section 3: tests of ML infrastructure."""

from __future__ import annotations

from tabi.bundle import layout
from tabi.dod.facts import SHOWN
from tabi.dod.rubric.score import AUTOMATED, MANUAL, Points, Seen, rubric
from tabi.dod.rules import of_commit


@rubric("infrastructure")
def training_reproducible(seen: Seen) -> Points:
    """The same training gives the same model.

    Evidence `reproduction` of the current bundle: it was rebuilt and came out the same to the last bit.
    """
    facts = seen.facts
    placed = facts.last("reproduction", facts.name)
    if placed is None:
        return Points(0.0, f"not rebuilt yet: tabi reproduce {facts.name}")
    if placed.record.figures["bundle"] != facts.bundle_id:
        return Points(0.0, f"rebuilt was bundle {placed.record.figures['bundle'][:SHOWN]}, not this one")
    if placed.record.verdict != "pass":
        return Points(0.0, "rebuilt, and it came out another")
    return Points(MANUAL, "rebuilt, the same to the last bit")


@rubric("infrastructure")
def specification_unit_tested(seen: Seen) -> Points:
    """The code that specifies models has unit tests.

    Evidence `tests` of the unit suite on this commit; half a point where it was run by hand.
    """
    return _tests(seen, "unit")


@rubric("infrastructure")
def pipeline_integration_tested(seen: Seen) -> Points:
    """The whole pipeline has integration tests.

    Evidence `tests` of the system suite on this commit; half a point where it was run by hand.
    """
    return _tests(seen, "system")


@rubric("infrastructure")
def quality_before_serving(seen: Seen) -> Points:
    """A model's quality is checked before it is served.

    The gate `metrics` stops a release.
    """
    return seen.gate("metrics")


@rubric("infrastructure")
def debuggable_by_example(seen: Seen) -> Points:
    """One example can be followed through the model.

    A bundle with `explanation.json` says for each row what every column adds; somebody has to ask.
    """
    if not seen.facts.bundle.has(layout.EXPLANATION):
        return Points(0.0, "the bundle cannot explain its answers; `explain: true` in config.yaml")
    return Points(MANUAL, "tabi predict --explain follows a row")


@rubric("infrastructure")
def canaried_before_serving(seen: Seen) -> Points:
    """A model meets little traffic before it meets all.

    The condition of canary releases.
    """
    return seen.condition("canary_and_blue_green")


@rubric("infrastructure")
def rolled_back_quickly(seen: Seen) -> Points:
    """A served model can be rolled back quickly and safely.

    The condition of rollback; half a point, for a person starts it.
    """
    return seen.condition("rollback_immediate", MANUAL)


def _tests(seen: Seen, suite: str) -> Points:
    placed = of_commit(seen.facts, "tests", suite, f"the {suite} tests were not run here")
    by_ci = bool(placed.record.figures.get("ci"))
    told = f"{placed.record.figures['passed']} tests passed, run {'by CI' if by_ci else 'by hand'}"
    return Points(AUTOMATED if by_ci else MANUAL, told)
