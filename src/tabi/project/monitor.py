"""What a project asks of its model in use: the `monitor` of a `config.yaml`."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class MonitorConfig:
    """Bounds of `tabi monitor`, by metric, such as `auc: 0.9`. A bound that is broken is a failure.

    `least_rows`: with fewer labelled rows than these, nothing is judged.
    """

    minimum: dict[str, float] = field(default_factory=dict)
    maximum: dict[str, float] = field(default_factory=dict)
    least_rows: int = 100
