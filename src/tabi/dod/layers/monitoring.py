"""Layer 7: monitoring of the model."""

from __future__ import annotations

from tabi.dod.condition import Found, condition
from tabi.dod.facts import Facts
from tabi.dod.rules import done, found_as, of_bundle


@condition(7, "tabi monitor {name}")
def drift_detected(facts: Facts) -> Found:
    """Drift of data and of concept is detected.

    Evidence `drift` of the current bundle, in which columns were judged by enough rows, and `concept-drift`, of
    labelled rows.
    """
    data = of_bundle(facts, "drift", "no evidence of kind drift")
    judged = [column for column in data.record.figures.get("columns", []) if column.get("status") != "few rows"]
    if not judged:
        raise found_as("missing", facts, data, "no column was judged: there were too few rows")
    concept = of_bundle(facts, "concept-drift", "no labelled rows: the drift of the concept was not looked at")
    reasons = "; ".join(str(placed.record.figures.get("reason", "")) for placed in (data, concept))
    return done(facts, data, reasons)


@condition(7, "tabi monitor {name}")
def falling_quality_alerts(facts: Facts) -> Found:
    """Falling quality raises an alert.

    Evidence `performance` of the current bundle: labels from feedback, enough of them, were held against the bounds of
    the project, `monitor.minimum` and `monitor.maximum`, and broke none.
    """
    placed = of_bundle(facts, "performance", "no label was held against a bound of monitor.minimum or monitor.maximum")
    return done(facts, placed, str(placed.record.figures["reason"]))


@condition(7, "tabi monitor {name}")
def abnormal_input_detected(facts: Facts) -> Found:
    """Abnormal input is detected.

    Evidence `abnormal-input` of the current bundle: how many rows broke the contract or were far from what was learnt.
    """
    placed = of_bundle(facts, "abnormal-input", "no evidence of kind abnormal-input")
    return done(facts, placed, str(placed.record.figures.get("reason", "")))


@condition(7, "tabi monitor {name} --html PAGE.html")
def models_compared_visually(facts: Facts) -> Found:
    """Models are compared visually.

    Evidence `comparison` of the current bundle: the page on which versions stand side by side, each with its release.
    """
    placed = of_bundle(facts, "comparison", "no evidence of kind comparison")
    models = placed.record.figures.get("models", [])
    if not models:
        raise found_as("missing", facts, placed, "the page shows no model: no row was answered")
    return done(facts, placed, f"{len(models)} versions on {placed.record.figures['page']}")
