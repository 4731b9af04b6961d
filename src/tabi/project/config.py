"""Everything a `config.yaml` may say, with its default. An unknown key is an error."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from omegaconf import MISSING

from tabi.project.gates import FairnessConfig, GatesConfig
from tabi.project.log import LogConfig, LogInputs
from tabi.project.monitor import MonitorConfig
from tabi.project.promises import CardConfig, SlaConfig


class Mode(Enum):
    """How long a search may take: `fast` is seconds, `full` is every candidate of the preset."""

    fast = "fast"
    full = "full"


class Kind(Enum):
    """What a column is to the model."""

    numeric = "numeric"
    categorical = "categorical"
    text = "text"


class TaskKind(Enum):
    """What is predicted: one of two classes, one of several, or a number."""

    binary = "binary"
    multiclass = "multiclass"
    regression = "regression"


class SplitKind(Enum):
    """How the test set and the folds are cut: at random, the later rows from the earlier, or whole groups."""

    random = "random"
    time = "time"
    group = "group"


class ClassWeight(Enum):
    """Whether rows are weighted so that both classes weigh the same; `search` tries both."""

    none = "none"
    balanced = "balanced"
    search = "search"


class Encoding(Enum):
    """How categorical columns reach an estimator that takes numbers.

    `preset`: as the preset has it. `search` tries them all.
    """

    preset = "preset"
    onehot = "onehot"
    target = "target"
    hash = "hash"
    search = "search"


class Strategy(Enum):
    """`halving`: all candidates on few rows, the best on all. `random`: some candidates, drawn, on all rows.

    `optuna`: each candidate is proposed from the scores of those before it, and given up early where it lags behind.
    """

    halving = "halving"
    random = "random"
    optuna = "optuna"


class Select(Enum):
    """Which candidate wins: the cheapest to serve within one standard error of the best, or the best."""

    cheapest = "cheapest"
    best = "best"


class CalibrationMethod(Enum):
    """How probabilities are calibrated after the fit; see scikit-learn's CalibratedClassifierCV."""

    none = "none"
    sigmoid = "sigmoid"
    isotonic = "isotonic"


class Criterion(Enum):
    """What the decision threshold is chosen for."""

    f1 = "f1"
    cost = "cost"
    recall = "recall"
    precision = "precision"
    fixed = "fixed"


@dataclass
class ColumnConfig:
    """What the project knows of one column beyond what its rows show. Unset: inferred from the rows."""

    kind: Kind | None = None
    nullable: bool | None = None
    minimum: float | None = None
    maximum: float | None = None
    categories: list[str] | None = None
    closed: bool = False
    unique: bool = False
    log: LogInputs | None = None


@dataclass
class SplitConfig:
    """The test set, cut off before anything is learnt.

    `column`: by which rows are ordered (`time`) or grouped (`group`); drop it where it is no feature.
    """

    kind: SplitKind = SplitKind.random
    column: str | None = None
    test_size: float = 0.2
    seed: int = 42


@dataclass
class SearchConfig:
    """Search over the preset's candidates.

    `space`: candidate values by parameter, replacing the preset's own. `min_resources`: rows of the first rung of
    halving, computed from the rarer class where unset. `candidates`: how many a random search draws. `jobs`: folds
    fitted at a time, -1 for all cores. `backend`: where they are fitted, `local`, `dask://…` or `ray://…`.
    `presets`: what `preset: auto` chooses among, some that fit the task where none is named.
    """

    mode: Mode = Mode.full
    strategy: Strategy = Strategy.halving
    candidates: int = 20
    select: Select = Select.cheapest
    presets: list[str] = field(default_factory=list)
    folds: int = 5
    factor: int = 3
    min_resources: int | None = None
    jobs: int = -1
    backend: str = "local"
    space: dict[str, list[Any]] = field(default_factory=dict)


@dataclass
class TextConfig:
    """`words`: whether texts are cut into words too, not into characters alone. Unset: by the script they are in."""

    words: bool | None = None


@dataclass
class DistillConfig:
    """`teacher`: a reference to the model whose probabilities are learnt instead of the labels."""

    teacher: str | None = None


@dataclass
class CalibrationConfig:
    """Calibration of probabilities, off by default."""

    method: CalibrationMethod = CalibrationMethod.none
    folds: int = 5


@dataclass
class ThresholdConfig:
    """The decision threshold, chosen on out-of-fold predictions of the training rows.

    `value` is used by `fixed`, the two costs by `cost`. `recall` takes the threshold of the best precision among those
    that reach the stated recall, `precision` the one of the best recall among those that reach the stated precision.
    """

    criterion: Criterion = Criterion.f1
    value: float = 0.5
    cost_false_positive: float = 1.0
    cost_false_negative: float = 1.0
    recall: float = 0.9
    precision: float = 0.9


@dataclass
class EvaluationConfig:
    """`repeats` > 0 also reports repeated stratified cross-validation over all rows, for small tables."""

    repeats: int = 0
    folds: int = 5


@dataclass
class ApprovalConfig:
    """Who must agree before a version is promoted.

    `required`: an approver must. `two_person`: who trained or released a version may not. `approvers`: their names;
    none listed is everybody with the role.
    """

    required: bool = False
    two_person: bool = False
    approvers: list[str] = field(default_factory=list)


@dataclass
class ProjectConfig:
    """A project. `source` and `target` have no default; the rest has one that suits most tables."""

    name: str = MISSING
    source: str = MISSING
    target: str = MISSING
    # the SELECT of a source that is a database
    query: str | None = None
    # how many rows a training holds in memory, drawn by a hash of their content; unset: all
    sample: int | None = None
    # unset: inferred from the target
    task: TaskKind | None = None
    # the label whose probability is predicted; unset: the rarer class
    positive: str | None = None
    drop: list[str] = field(default_factory=list)
    columns: dict[str, ColumnConfig] = field(default_factory=dict)
    strict: bool = False
    preset: str = "native"
    # the presets that `stack` and `vote` join; unset: some that fit the task
    members: list[str] = field(default_factory=list)
    # parameters of the preset's estimator that hold for every candidate
    params: dict[str, Any] = field(default_factory=dict)
    class_weight: ClassWeight = ClassWeight.none
    encoding: Encoding = Encoding.preset
    text: TextConfig = field(default_factory=TextConfig)
    distill: DistillConfig = field(default_factory=DistillConfig)
    # whether a bundle can explain its predictions
    explain: bool = False
    seed: int = 42
    split: SplitConfig = field(default_factory=SplitConfig)
    search: SearchConfig = field(default_factory=SearchConfig)
    calibration: CalibrationConfig = field(default_factory=CalibrationConfig)
    threshold: ThresholdConfig = field(default_factory=ThresholdConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    gates: GatesConfig = field(default_factory=GatesConfig)
    fairness: FairnessConfig = field(default_factory=FairnessConfig)
    approval: ApprovalConfig = field(default_factory=ApprovalConfig)
    card: CardConfig = field(default_factory=CardConfig)
    sla: SlaConfig = field(default_factory=SlaConfig)
    monitor: MonitorConfig = field(default_factory=MonitorConfig)
    log: LogConfig = field(default_factory=LogConfig)
    # the text of the project's pipeline.py for `preset: own`: read from its file, never a key of config.yaml
    code: str = ""
