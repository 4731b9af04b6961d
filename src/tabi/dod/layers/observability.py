"""Layer 6: observability."""

from __future__ import annotations

from tabi.dod.condition import Found, condition
from tabi.dod.facts import Facts
from tabi.dod.rules import done, found_as, of_bundle


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


@condition(6, "make alerts-test DS={name}")
def alerts_automatic(facts: Facts) -> Found:
    """Alerts are sent automatically.

    Evidence `alert`: over the current bundle, drift and failures that were made on purpose were told to a receiver by
    the rules in use, nothing was told before, and their ends were told too.
    """
    placed = of_bundle(facts, "alert", "no alert of this model was raised and received here")
    told = [f"{name} after {found['told_s']:g} s" for name, found in placed.record.figures.items() if _sounded(found)]
    return done(facts, placed, f"told were {', '.join(told)}")


@condition(6, "make alerts-test DS={name}")
def health_at_a_glance(facts: Facts) -> Found:
    """Health is seen at a glance.

    Evidence `dashboard`: every query of the dashboards was answered by a Prometheus that watches the current bundle.
    """
    placed = of_bundle(facts, "dashboard", "the dashboards were not asked over this model")
    return done(facts, placed, f"{placed.record.figures.get('queries')} queries of dashboards were answered")


@condition(6, "make alerts-test DS={name}")
def causes_found_quickly(facts: Facts) -> Found:
    """The cause of an incident can be found quickly.

    Evidence `incident`: from one alert its metric, its trace and its log line were found by one request id.
    """
    placed = of_bundle(facts, "incident", "no incident of this model was traced to its cause here")
    figures = placed.record.figures
    return done(facts, placed, f"{figures.get('alert')}: {figures.get('reason')}, found by its request id")


def _sounded(found: object) -> bool:
    return isinstance(found, dict) and "told_s" in found
