"""Training: from a snapshot to a tracked run."""

from tabi.training.environment import commit_of, environment_lock, lock_digest
from tabi.training.presets import PRESETS, build_pipeline
from tabi.training.progress import LiveReporter, PlainReporter, Quiet, Reporter, reporter_for
from tabi.training.runs import Run, load_run
from tabi.training.split import Cut, cut
from tabi.training.train import TrainedRun, result_line, train

__all__ = [
    "PRESETS",
    "Cut",
    "LiveReporter",
    "PlainReporter",
    "Quiet",
    "Reporter",
    "Run",
    "TrainedRun",
    "build_pipeline",
    "commit_of",
    "cut",
    "environment_lock",
    "load_run",
    "lock_digest",
    "reporter_for",
    "result_line",
    "train",
]
