"""Layer 4: validation."""

from __future__ import annotations

from tabi.dod.condition import Found, NotDoneError, condition
from tabi.dod.facts import Facts
from tabi.dod.rules import by_gate, done, of_commit, released_at

QUALITY = ("metrics", "champion", "slices", "calibration")


@condition(4, "tabi release {name}")
def data_quality_checked(facts: Facts) -> Found:
    """Data quality is checked automatically.

    The gate `data_quality` judged the rows of the current bundle, and did not fail.
    """
    return by_gate(facts, "data_quality")


@condition(4, "tabi release {name}")
def model_meets_thresholds(facts: Facts) -> Found:
    """The model meets its thresholds.

    The gate `metrics` passed, and none of the gates of parity, champion, slices and calibration failed.
    """
    found = by_gate(facts, "metrics")
    for gate in ("parity", *QUALITY[1:]):
        word = facts.verdicts.get(gate, {}).get("verdict", "skipped")
        if word not in {"pass", "warn", "skipped", "off"}:
            return by_gate(facts, gate)
    return found


@condition(4, "fairness.sensitive and a bound in config.yaml, then tabi train {name} and tabi release {name}")
def fairness_verified(facts: Facts) -> Found:
    """Bias and fairness are verified.

    The gate `fairness` compared groups of the columns that the project names as sensitive with a bound that the project
    states, and did not fail. Differences without a bound are shown, but verify nothing.
    """
    found = by_gate(facts, "fairness")
    bounds = facts.document("reports/fairness.json")["bounds"].values()
    if all(limit is None for bound in bounds for limit in bound.values()):
        raise NotDoneError("missing", "groups were compared, but no bound is stated", released_at(facts), found.link)
    return found


@condition(4, "make test; make test-system")
def tests_pass(facts: Facts) -> Found:
    """Unit and integration tests pass.

    Evidence `tests` of both suites is about the commit that is checked out, and passed.
    """
    unit = of_commit(facts, "tests", "unit", "the unit tests were not run here")
    system = of_commit(facts, "tests", "system", "the integration tests were not run here")
    counts = [placed.record.figures["passed"] for placed in (unit, system)]
    older = min(unit, system, key=lambda placed: placed.record.at)
    return done(facts, older, f"{counts[0]} unit and {counts[1]} integration tests passed")
