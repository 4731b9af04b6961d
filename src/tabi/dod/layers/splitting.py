"""Layer 8: A/B tests."""

from __future__ import annotations

from tabi.dod.condition import Found, condition
from tabi.dod.facts import Facts
from tabi.dod.rules import by_record


@condition(8, None)
def split_exact(facts: Facts) -> Found:
    """Traffic is split exactly.

    Evidence `experiment-split`: the counted shares agree with the policy, and nobody changes sides.
    """
    return by_record(facts, "experiment-split", facts.name)


@condition(8, None)
def significance_computed(facts: Facts) -> Found:
    """Significance is computed.

    Evidence `experiment-result` with the difference, its interval and how it was tested.
    """
    return by_record(facts, "experiment-result", facts.name)


@condition(8, None)
def business_metric_measurable(facts: Facts) -> Found:
    """A business metric can be measured.

    Evidence `experiment-metric`: a metric beyond the model's own score was computed from feedback.
    """
    return by_record(facts, "experiment-metric", facts.name)


@condition(8, None)
def experiment_history_kept(facts: Facts) -> Found:
    """The history of experiments is kept.

    Evidence `experiment` of each experiment's start and end.
    """
    return by_record(facts, "experiment", facts.name)
