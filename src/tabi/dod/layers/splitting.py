"""Layer 8: A/B tests."""

from __future__ import annotations

from tabi.dod.condition import Found, condition
from tabi.dod.facts import Facts, passed
from tabi.dod.rules import by_record, done, found_as, needed


@condition(8, "tabi experiment status {name}")
def split_exact(facts: Facts) -> Found:
    """Traffic is split exactly.

    Evidence `experiment-split`: the counted shares agree with the policy, and nobody changes sides.
    """
    return by_record(facts, "experiment-split", facts.name)


@condition(8, "tabi experiment status {name}")
def significance_computed(facts: Facts) -> Found:
    """Significance is computed.

    Evidence `experiment-result` with the difference, its interval and how it was tested.
    """
    return by_record(facts, "experiment-result", facts.name)


@condition(8, "tabi experiment status {name}")
def business_metric_measurable(facts: Facts) -> Found:
    """A business metric can be measured.

    Evidence `experiment-metric`: a metric beyond the model's own score was computed from feedback.
    """
    return by_record(facts, "experiment-metric", facts.name)


@condition(8, "tabi experiment stop {name} --back --reason …")
def experiment_history_kept(facts: Facts) -> Found:
    """The history of experiments is kept.

    Evidence `experiment` of the newest experiment's start, and of its end with decision and reason.
    """
    placed = needed(facts, "experiment", "no experiment was begun", subject=facts.name)
    of = placed.record.inputs.get("experiment", "")
    if not passed(placed.record):
        raise found_as("missing", facts, placed, f"{of} has begun, and its end is not kept yet")
    begun = facts.last("experiment", facts.name, lambda r: r.verdict == "begun" and r.inputs.get("experiment") == of)
    if begun is None:
        raise found_as("failing", facts, placed, f"the start of {of} was not kept")
    return done(facts, placed, f"{of}: {placed.record.figures.get('decision')}, {placed.record.figures.get('reason')}")
