"""Section 1: tests of features and data."""

from __future__ import annotations

from tabi.dod.rubric.score import AUTOMATED, MANUAL, Points, Seen, not_shown, rubric


@rubric("data")
def expectations_in_schema(seen: Seen) -> Points:
    """What is expected of each feature is written down and checked.

    The contract is in the bundle, and the gate `data_quality` holds every snapshot against it.
    """
    return seen.gate("data_quality")


@rubric("data")
def features_beneficial(seen: Seen) -> Points:
    """Every feature is of use.

    Each training measures what is lost when a column is shuffled. A whole point where each column loses something; half
    where some lose nothing, for then a person must decide.
    """
    columns = seen.facts.document("reports/permutation_importance.json")["columns"]
    idle = [each["column"] for each in columns if each["loss"] is None or each["loss"] <= 0]
    if not idle:
        return Points(AUTOMATED, f"each of {len(columns)} columns is of use")
    return Points(MANUAL, f"measured; {len(idle)} of {len(columns)} columns seem of no use, such as {idle[0]!r}")


@rubric("data")
def feature_cost_bounded(seen: Seen) -> Points:  # noqa: ARG001 - nothing is looked at yet
    """No feature costs more than it is worth.

    The cost of a model is known, but not that of one of its features.
    """
    return not_shown("the cost of one feature is not measured")


@rubric("data")
def features_allowed(seen: Seen) -> Points:
    """Features keep to rules that are above the data.

    The gate `leakage` asks on each release whether a column stands for the target, or test rows are training rows.
    """
    return seen.gate("leakage")


@rubric("data")
def privacy_controlled(seen: Seen) -> Points:  # noqa: ARG001 - nothing is looked at yet
    """Access to personal data is controlled all along the pipeline.

    No error and no evidence holds a data value, but who may read a snapshot is left to the disk or the bucket.
    """
    return not_shown("who read which snapshot is not recorded")


@rubric("data")
def features_added_quickly(seen: Seen) -> Points:  # noqa: ARG001 - nothing is looked at yet
    """A new feature reaches production quickly.

    The time from a change of the columns to the bundle that has it would show it.
    """
    return not_shown("the time from a new column to its release is not measured")


@rubric("data")
def feature_code_tested(seen: Seen) -> Points:
    """The code that makes features is tested.

    Preparation is part of the graph, and each release proves the graph equal to the pipeline: the gate `parity`.
    """
    return seen.gate("parity")
