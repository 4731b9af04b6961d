"""What a release must meet: the `gates` and `fairness` of a `config.yaml`.

A bound that a project states stops a release. Where it states none, the usual one of the gate warns.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class Severity(Enum):
    """What a gate may do: stop the release, only warn, or not be asked at all."""

    fail = "fail"
    warn = "warn"
    off = "off"


@dataclass
class DataQualityConfig:
    """Bounds of the snapshot's rows, as shares of them but `rows_minimum`.

    `broken_maximum`: rows that may break a rule of the contract, by rule. `missing_maximum`: missing values of a
    column. `duplicates_maximum`: rows that repeat another. `class_minimum`: rows of the rarest class.
    """

    rows_minimum: int | None = None
    broken_maximum: float = 0.0
    missing_maximum: float | None = None
    duplicates_maximum: float | None = None
    class_minimum: float | None = None


@dataclass
class LeakageConfig:
    """`shared_maximum`: the share of test rows that are training rows too. `column_maximum`: the score of a column."""

    shared_maximum: float | None = None
    column_maximum: float | None = None


@dataclass
class DriftConfig:
    """`psi_maximum`: how far a column may be from the last released snapshot."""

    psi_maximum: float | None = None


@dataclass
class ChampionConfig:
    """How a candidate is compared with the champion: by so many resamples of the same test rows.

    `tolerance`: by how much the score may be worse.
    """

    tolerance: float = 0.0
    confidence: float = 0.95
    resamples: int = 1000


@dataclass
class SlicesConfig:
    """`ratio_maximum`: the worst slice's error in parts of the error of all rows."""

    ratio_maximum: float | None = None


@dataclass
class CalibrationGateConfig:
    """`ece_maximum`: the expected calibration error."""

    ece_maximum: float | None = None


@dataclass
class LatencyConfig:
    """p95 of one row and of a hundred, in multiples of what the smallest graph takes on the same machine."""

    row_maximum: float | None = None
    hundred_maximum: float | None = None


@dataclass
class SizeConfig:
    """Bytes of the graph and of all that the bundle holds."""

    graph_maximum: int | None = None
    bundle_maximum: int | None = None


@dataclass
class SecurityConfig:
    """`audit`: whether `pip-audit`, where it is installed, looks the runtime's packages up."""

    audit: bool = True


@dataclass
class GatesConfig:
    """Bounds that a release must meet.

    `severity`: by gate. `parity` is absolute, in probability, and relative to the target's spread in a regression.
    `auc_minimum` is for classes (of several, the mean of each against the rest), `r2_minimum` for numbers; `minimum`
    and `maximum` are for any metric of the test set.
    """

    severity: dict[str, Severity] = field(default_factory=dict)
    parity: float = 1e-9
    auc_minimum: float = 0.5
    r2_minimum: float = 0.0
    minimum: dict[str, float] = field(default_factory=dict)
    maximum: dict[str, float] = field(default_factory=dict)
    data_quality: DataQualityConfig = field(default_factory=DataQualityConfig)
    leakage: LeakageConfig = field(default_factory=LeakageConfig)
    drift: DriftConfig = field(default_factory=DriftConfig)
    champion: ChampionConfig = field(default_factory=ChampionConfig)
    slices: SlicesConfig = field(default_factory=SlicesConfig)
    calibration: CalibrationGateConfig = field(default_factory=CalibrationGateConfig)
    latency: LatencyConfig = field(default_factory=LatencyConfig)
    size: SizeConfig = field(default_factory=SizeConfig)
    security: SecurityConfig = field(default_factory=SecurityConfig)


@dataclass
class BoundConfig:
    """A difference above `warn` is shown, one above `fail` stops. Unset: not judged."""

    warn: float | None = None
    fail: float | None = None


@dataclass
class FairnessConfig:
    """`sensitive`: columns of the rows whose groups are compared, dropped ones too.

    `least_rows`: of a group that is judged. `least_positives`: rows of a class, or of its opposite, without which a
    group's rate among them is not judged. The rest bounds the largest difference between groups.
    """

    sensitive: list[str] = field(default_factory=list)
    least_rows: int = 100
    least_positives: int = 30
    demographic_parity: BoundConfig = field(default_factory=BoundConfig)
    equalized_odds: BoundConfig = field(default_factory=BoundConfig)
    auc: BoundConfig = field(default_factory=BoundConfig)
