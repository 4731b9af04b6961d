"""Values that have the right type and still make no sense."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import reduce
from typing import Any

from tabi.errors import ConfigError
from tabi.project.config import ProjectConfig

Rule = tuple[str, Callable[[Any], bool]]

SHARE: Rule = ("between 0 and 1", lambda value: 0 <= value <= 1)
INNER_SHARE: Rule = ("above 0 and below 1", lambda value: 0 < value < 1)
OPTIONAL_SHARE: Rule = ("between 0 and 1", lambda value: value is None or 0 <= value <= 1)
OPTIONAL_POSITIVE: Rule = ("above 0", lambda value: value is None or 0 < value < float("inf"))
REACHED_SHARE: Rule = ("above 0 and at most 1", lambda value: 0 < value <= 1)
TWO_OR_MORE: Rule = ("2 or more", lambda value: value >= 2)
NOT_NEGATIVE: Rule = ("0 or more", lambda value: 0 <= value < float("inf"))
# what numpy's generators take
SEED: Rule = ("between 0 and 4294967295", lambda value: 0 <= value < 2**32)
PLAIN_NAME: Rule = (
    "of letters, digits, '.', '_' and '-', beginning with a letter or digit",
    lambda value: re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", value) is not None,
)

RANGES: dict[str, Rule] = {
    "name": PLAIN_NAME,
    "seed": SEED,
    "split.test_size": INNER_SHARE,
    "split.seed": SEED,
    "sample": ("1 or more", lambda value: value is None or value >= 1),
    "search.folds": TWO_OR_MORE,
    "search.factor": TWO_OR_MORE,
    "search.candidates": ("1 or more", lambda value: value >= 1),
    "search.min_resources": ("1 or more", lambda value: value is None or value >= 1),
    "search.jobs": ("1 or more, or -1 for all cores", lambda value: value == -1 or value >= 1),
    "calibration.folds": TWO_OR_MORE,
    "threshold.value": SHARE,
    "threshold.cost_false_positive": NOT_NEGATIVE,
    "threshold.cost_false_negative": NOT_NEGATIVE,
    "threshold.recall": REACHED_SHARE,
    "threshold.precision": REACHED_SHARE,
    "evaluation.repeats": NOT_NEGATIVE,
    "evaluation.folds": TWO_OR_MORE,
    "gates.parity": NOT_NEGATIVE,
    "gates.auc_minimum": SHARE,
    "sla.p95_ms": ("above 0", lambda value: 0 < value < float("inf")),
    "gates.r2_minimum": ("at most 1", lambda value: value <= 1),
    "gates.data_quality.rows_minimum": ("1 or more", lambda value: value is None or value >= 1),
    "gates.data_quality.broken_maximum": SHARE,
    "gates.data_quality.missing_maximum": OPTIONAL_SHARE,
    "gates.data_quality.duplicates_maximum": OPTIONAL_SHARE,
    "gates.data_quality.class_minimum": OPTIONAL_SHARE,
    "gates.leakage.shared_maximum": OPTIONAL_SHARE,
    "gates.leakage.column_maximum": OPTIONAL_SHARE,
    "gates.drift.psi_maximum": OPTIONAL_POSITIVE,
    "gates.champion.tolerance": NOT_NEGATIVE,
    "gates.champion.confidence": INNER_SHARE,
    "gates.champion.resamples": ("between 100 and 100000", lambda value: 100 <= value <= 100_000),
    "gates.slices.ratio_maximum": OPTIONAL_POSITIVE,
    "gates.calibration.ece_maximum": OPTIONAL_SHARE,
    "gates.latency.row_maximum": OPTIONAL_POSITIVE,
    "gates.latency.hundred_maximum": OPTIONAL_POSITIVE,
    "gates.size.graph_maximum": OPTIONAL_POSITIVE,
    "gates.size.bundle_maximum": OPTIONAL_POSITIVE,
    "monitor.drift.alpha": INNER_SHARE,
    "monitor.drift.psi_floor": NOT_NEGATIVE,
    "monitor.drift.psi_maximum": OPTIONAL_POSITIVE,
    "monitor.drift.least_rows": ("1 or more", lambda value: value >= 1),
    "monitor.least_rows": ("1 or more", lambda value: value >= 1),
    "fairness.least_rows": ("1 or more", lambda value: value >= 1),
    "fairness.least_positives": ("1 or more", lambda value: value >= 1),
    "fairness.demographic_parity.warn": OPTIONAL_POSITIVE,
    "fairness.demographic_parity.fail": OPTIONAL_POSITIVE,
    "fairness.equalized_odds.warn": OPTIONAL_SHARE,
    "fairness.equalized_odds.fail": OPTIONAL_SHARE,
    "fairness.auc.warn": OPTIONAL_SHARE,
    "fairness.auc.fail": OPTIONAL_SHARE,
}


def refuse_out_of_range(config: ProjectConfig, where: str) -> None:
    """`ConfigError` for the first value outside its range."""
    for key, (words, holds) in RANGES.items():
        if not holds(reduce(getattr, key.split("."), config)):
            raise ConfigError(f"{where}: {key} must be {words}")
