"""Layer 6: observability."""

from __future__ import annotations

from tabi.dod.condition import Found, condition
from tabi.dod.facts import Facts
from tabi.dod.rules import by_record, done, found_as, of_bundle


@condition(6, "OTEL_EXPORTER_OTLP_ENDPOINT=… tabi serve {name}")
def metrics_logs_traces(facts: Facts) -> Found:
    """There are metrics, logs and traces.

    Evidence `serve`: a server of the current bundle started with all three on.
    """
    placed = of_bundle(facts, "serve", "no server of this model was started here")
    off = [name for name in ("metrics", "log", "traces") if not placed.record.figures.get(name)]
    if off:
        raise found_as("failing", facts, placed, f"the server was started without {', '.join(off)}")
    return done(facts, placed, "the server was started with metrics, log and traces")


@condition(6, None)
def alerts_automatic(facts: Facts) -> Found:
    """Alerts are sent automatically.

    Evidence `alert` of an alert that was raised and reached its receiver.
    """
    return by_record(facts, "alert")


@condition(6, None)
def health_at_a_glance(facts: Facts) -> Found:
    """Health is seen at a glance.

    Evidence `dashboard`: the page of health was written and every query of it was answered.
    """
    return by_record(facts, "dashboard")


@condition(6, None)
def causes_found_quickly(facts: Facts) -> Found:
    """The cause of an incident can be found quickly.

    Evidence `incident`: from one alert its metric, log lines and trace were found by their request id.
    """
    return by_record(facts, "incident")
