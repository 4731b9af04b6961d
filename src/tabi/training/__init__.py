"""Training: from a snapshot to a tracked run."""

from tabi.training.batch import run_batch
from tabi.training.environment import commit_of, environment_lock, lock_digest
from tabi.training.presets import PRESETS, build_pipeline
from tabi.training.progress import PlainReporter, Quiet, Reporter, reporting
from tabi.training.report import batch_state, report_table
from tabi.training.runs import Run, load_run
from tabi.training.split import Cut, cut
from tabi.training.train import TrainedRun, result_line, train

__all__ = [
    "PRESETS",
    "Cut",
    "PlainReporter",
    "Quiet",
    "Reporter",
    "Run",
    "TrainedRun",
    "batch_state",
    "build_pipeline",
    "commit_of",
    "cut",
    "environment_lock",
    "load_run",
    "lock_digest",
    "report_table",
    "reporting",
    "result_line",
    "run_batch",
    "train",
]
