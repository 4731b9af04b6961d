"""Section 4: tests of monitoring."""

from __future__ import annotations

from tabi.dod.rubric.score import MANUAL, Points, Seen, not_shown, rubric
from tabi.dod.rules import of_bundle


@rubric("monitoring")
def dependency_changes_noticed(seen: Seen) -> Points:
    """A change of what the system depends on is noticed.

    The condition of the locked environment compares it with this one; half a point, for nobody is told by itself.
    """
    return seen.condition("environment_locked", MANUAL)


@rubric("monitoring")
def invariants_hold(seen: Seen) -> Points:
    """What holds for the training data holds for requests.

    The same contract is checked by the gate `data_quality` and by every server: evidence `serve` of the current bundle.
    """
    of_bundle(seen.facts, "serve", "no server of this model was started here")
    return seen.gate("data_quality")


@rubric("monitoring")
def training_and_serving_agree(seen: Seen) -> Points:
    """Training and serving compute the same features.

    Both are one graph, and each release proves it equal to the pipeline: the gate `parity`.
    """
    return seen.gate("parity")


@rubric("monitoring")
def model_not_stale(seen: Seen) -> Points:
    """A model is not older than it may be.

    A trigger by time would train another.
    """
    return seen.condition("triggered_by_time")


@rubric("monitoring")
def numerically_stable(seen: Seen) -> Points:
    """Numbers that are none, or are without bound, do no harm.

    The proof of each release holds over rows with missing and infinite values and at every threshold.
    """
    kinds = seen.facts.document("parity.json")["kinds"]
    hostile = [kind for kind in kinds if kind != "test"]
    if not hostile:
        return not_shown("the proof of this bundle had no hostile rows")
    passed = seen.gate("parity")
    return Points(passed.points, f"{passed.text}, also on rows of the kinds {', '.join(hostile)}")


@rubric("monitoring")
def speed_not_lost(seen: Seen) -> Points:
    """Speed and memory are not lost by and by.

    Evidence `bench` of the current bundle within the service level; half a point, for a person starts it.
    """
    return seen.condition("api_meets_sla", MANUAL)


@rubric("monitoring")
def quality_not_lost(seen: Seen) -> Points:
    """Predictions on live data do not become worse unseen.

    The condition of falling quality: an alert from feedback.
    """
    return seen.condition("falling_quality_alerts")
