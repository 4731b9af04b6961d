"""A project: the folder that a data scientist owns, and its configuration over Tabi's defaults."""

from tabi.project.config import (
    ApprovalConfig,
    CalibrationConfig,
    ColumnConfig,
    DistillConfig,
    EvaluationConfig,
    ProjectConfig,
    SearchConfig,
    SplitConfig,
    ThresholdConfig,
)
from tabi.project.gates import FairnessConfig, GatesConfig, Severity
from tabi.project.load import config_from_yaml, config_to_yaml, dataset_label, load_config, project_names
from tabi.project.monitor import MonitorConfig

__all__ = [
    "ApprovalConfig",
    "CalibrationConfig",
    "ColumnConfig",
    "DistillConfig",
    "EvaluationConfig",
    "FairnessConfig",
    "GatesConfig",
    "MonitorConfig",
    "ProjectConfig",
    "SearchConfig",
    "Severity",
    "SplitConfig",
    "ThresholdConfig",
    "config_from_yaml",
    "config_to_yaml",
    "dataset_label",
    "load_config",
    "project_names",
]
