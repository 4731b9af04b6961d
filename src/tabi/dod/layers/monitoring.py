"""Layer 7: monitoring of the model."""

from __future__ import annotations

from tabi.dod.condition import Found, condition
from tabi.dod.facts import Facts
from tabi.dod.rules import done, of_bundle


@condition(7, None)
def drift_detected(facts: Facts) -> Found:
    """Drift of data and of concept is detected.

    Evidence `drift` of the current bundle, by columns and by what is predicted.
    """
    return _of_bundle(facts, "drift")


@condition(7, None)
def falling_quality_alerts(facts: Facts) -> Found:
    """Falling quality raises an alert.

    Evidence `performance` of the current bundle, from feedback, against the bound below which an alert is sent.
    """
    return _of_bundle(facts, "performance")


@condition(7, None)
def abnormal_input_detected(facts: Facts) -> Found:
    """Abnormal input is detected.

    Evidence `abnormal-input` of the current bundle: how many rows broke the contract or were far from what was learnt.
    """
    return _of_bundle(facts, "abnormal-input")


@condition(7, None)
def models_compared_visually(facts: Facts) -> Found:
    """Models are compared visually.

    Evidence `comparison` of the current bundle with the one before, with its page.
    """
    return _of_bundle(facts, "comparison")


def _of_bundle(facts: Facts, kind: str) -> Found:
    return done(facts, of_bundle(facts, kind, f"no evidence of kind {kind}"), f"{kind} was looked at")
