"""What a project asks of its model in use: the `monitor` of a `config.yaml`."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class DriftMonitorConfig:
    """When a column of a model in use has drifted.

    `alpha`: the share of windows without any change that may raise an alarm, over all their columns. `psi_floor`: a
    smaller population stability index is none, however sure it is. `psi_maximum`: a larger one is a failure and not
    only a warning. `least_rows`: in a smaller window nothing is judged.
    """

    alpha: float = 0.01
    psi_floor: float = 0.1
    psi_maximum: float | None = None
    least_rows: int = 100


@dataclass
class MonitorConfig:
    """Bounds of `tabi monitor`, by metric, such as `auc: 0.9`. A bound that is broken is a failure.

    `least_rows`: with fewer labelled rows than these, nothing is judged.
    """

    minimum: dict[str, float] = field(default_factory=dict)
    maximum: dict[str, float] = field(default_factory=dict)
    least_rows: int = 100
    drift: DriftMonitorConfig = field(default_factory=DriftMonitorConfig)
