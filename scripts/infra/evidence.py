"""What a run has done and measured, as a page of docs/evidence."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from scripts.infra.cycle import Cycle

_STEPS = ("apply", "second plan", "destroy")


def write(path: Path, checks: dict[str, str], cycle: Cycle) -> None:
    """The page."""
    path.write_text("\n".join(_lines(checks, cycle)) + "\n", encoding="utf-8")


def _lines(checks: dict[str, str], cycle: Cycle) -> list[str]:
    now = datetime.now(UTC)
    rows = [
        f"| {result.layer} | {result.applied} | {result.destroyed} | "
        + " | ".join(f"{result.seconds[step]:.1f}" for step in _STEPS)
        + " |"
        for result in cycle.results
    ]
    applied = sum(result.applied for result in cycle.results)
    destroyed = sum(result.destroyed for result in cycle.results)
    return [
        "# Terraform: applied, planned again, destroyed",
        "",
        f"Written by `python -m scripts.infra --evidence docs/evidence/terraform.md` on {now:%Y-%m-%d %H:%M} UTC.",
        f"{cycle.versions}; moto {version('moto')}; Python {platform.python_version()}, {os.cpu_count()} cores.",
        f"Load of the machine at the end: {os.getloadavg()[0]:.1f}.",
        "",
        "Real Terraform and the real AWS provider, states in S3 with S3's own lock, against moto instead of AWS.",
        f"Two chains of layers ran side by side. From start to end {cycle.seconds:.0f} s.",
        "",
        "| layer | resources made | removed | apply, s | second plan, s | destroy, s |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        *rows,
        f"| all | {applied} | {destroyed} | | | |",
        "",
        "- Every second plan had nothing to change. What moto accepts and does not give back was left out of it: the",
        "  descriptions of five rules of security groups, and the service's time of grace and balance of zones.",
        f"- The {cycle.policies} policies of roles, read back, are least-privileged;",
        "  the service's security group accepts the load balancer's only.",
        f"- After destroy there were left: {', '.join(f'{count} {kind}' for kind, count in cycle.left.items())}.",
        "",
        "| check | result |",
        "| --- | --- |",
        *(f"| {name} | {said} |" for name, said in checks.items()),
    ]
