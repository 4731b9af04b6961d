"""Every file that is generated, by its path in the repository."""

from __future__ import annotations

from pathlib import Path

from loadtest.slo import Slo
from scripts.observability import cloudwatch, drift, model, objectives, service, table
from scripts.observability.clock import REAL, Clock
from scripts.observability.collector import collector
from scripts.observability.dashboards.drift import drift as drifting
from scripts.observability.dashboards.experiment import experiment
from scripts.observability.dashboards.model import model as one_model
from scripts.observability.dashboards.service import service as whole
from scripts.observability.routing import Receivers, routing
from scripts.observability.rules import Alert, Group, alerts_of, as_yaml, rule_file
from tabi.errors import ConfigError
from tabi.serving.telemetry.metrics import METRICS

ROOT = Path(__file__).resolve().parents[2]
OBSERVABILITY = "infra/observability"
RULES = f"{OBSERVABILITY}/prometheus/rules"
ALERTMANAGER = f"{OBSERVABILITY}/alertmanager/alertmanager.yml"
DASHBOARDS = f"{OBSERVABILITY}/grafana/dashboards"
COLLECTOR = f"{OBSERVABILITY}/otel/collector.yaml"
TFVARS = "infra/terraform/40-observability/slo.auto.tfvars.json"
PAGE = "docs/observability.md"


def groups(slo: Slo, clock: Clock = REAL) -> dict[str, list[Group]]:
    """Rules by the name of their file; those that `tabi.monitoring` records are not among them."""
    _check(slo)
    return {
        "slo": objectives.groups(slo, clock),
        "service": service.groups(slo, clock),
        "model": [*model.groups(slo, clock), *drift.groups(clock)],
    }


def alerts(slo: Slo, clock: Clock = REAL) -> list[Alert]:
    """Every alert."""
    return [alert for found in groups(slo, clock).values() for alert in alerts_of(found)]


def rule_files(slo: Slo, clock: Clock = REAL) -> dict[str, str]:
    """The rule files by their names."""
    return {f"{name}.yml": rule_file(found) for name, found in groups(slo, clock).items()} | {
        "drift.yml": drift.recorded(clock)
    }


def alertmanager(clock: Clock = REAL, receivers: Receivers | None = None) -> str:
    """The configuration of Alertmanager."""
    return as_yaml(routing(clock, receivers))


def dashboards(slo: Slo) -> dict[str, str]:
    """The dashboards by their files' names."""
    return {
        "service.json": whole(slo),
        "model.json": one_model(slo),
        "drift.json": drifting(),
        "experiment.json": experiment(),
    }


def generated(slo: Slo, receivers: Receivers | None = None) -> dict[str, str]:
    """What `make slo` writes."""
    tables = {"objectives": table.objectives_table(slo), "alerts": table.alerts_table(alerts(slo))}
    page = (ROOT / PAGE).read_text(encoding="utf-8")
    return {
        **{f"{RULES}/{name}": text for name, text in rule_files(slo).items()},
        ALERTMANAGER: alertmanager(REAL, receivers),
        **{f"{DASHBOARDS}/{name}": text for name, text in dashboards(slo).items()},
        COLLECTOR: as_yaml(collector(slo)),
        TFVARS: cloudwatch.variables(slo),
        PAGE: table.filled(page, tables),
    }


def _check(slo: Slo) -> None:
    """Only of a bound of the histogram can be said how many requests kept it."""
    bounds = [bound / 1e6 for bound in METRICS["tabi_request_duration_seconds"].buckets]
    if slo.objectives.p95_ms not in bounds:
        told = ", ".join(f"{bound:g}" for bound in bounds)
        raise ConfigError(f"p95_ms {slo.objectives.p95_ms:g} is no bound of the histogram: take one of {told}")
