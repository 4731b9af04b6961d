"""The thresholds of the alarms in the cloud, as variables of the Terraform layer 40-observability."""

from __future__ import annotations

import json

from loadtest.slo import Slo
from scripts.observability.objectives import error_share


def variables(slo: Slo) -> str:
    """`slo.auto.tfvars.json`, which Terraform reads by itself."""
    alarms = {
        "error_percent": round(100 * error_share(slo), 6),
        "p95_seconds": slo.objectives.p95_ms / 1000,
    }
    return json.dumps({"slo": alarms}, indent=2) + "\n"
