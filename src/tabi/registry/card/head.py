"""The head of a model card: YAML between two lines of dashes, in Hugging Face's form."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import yaml

from tabi.contract import Contract
from tabi.gates.bootstrap import Interval
from tabi.project import ProjectConfig
from tabi.registry.card.document import FENCE

# what Hugging Face calls our metrics, where it has a word; of a task for the first two
NAMES = {
    "auc": "roc_auc",
    "acc": "accuracy",
    "acc_at_threshold": "accuracy",
    "f1_at_threshold": "f1",
    "f1_macro": "f1",
    "precision_at_threshold": "precision",
    "recall_at_threshold": "recall",
    "brier": "brier_score",
    "r2": "r_squared",
    "rmse": "rmse",
    "mae": "mae",
}


def head_of(name: str, config: ProjectConfig, contract: Contract, snapshot: str, found: Mapping[str, Interval]) -> str:
    """The head with the model's index of results, fences included."""
    tag = pipeline_tag(contract)
    source = {"type": dataset_type(config.source), "name": config.source, "split": "test", "revision": snapshot}
    metrics = [
        {"type": NAMES.get(metric, metric), "name": metric, "value": each.value, "args": _args(each)}
        for metric, each in found.items()
        if math.isfinite(each.value)
    ]
    card = config.card
    content: dict[str, Any] = {
        "license": card.licence or None,
        "language": list(card.languages) or None,
        "library_name": "onnx",
        "pipeline_tag": tag,
        "tags": list(dict.fromkeys([*card.tags, "tabi", "onnx", "tabular", config.preset])),
        "metrics": list(dict.fromkeys(each["type"] for each in metrics)),
        "model-index": [{"name": name, "results": [{"task": {"type": tag}, "dataset": source, "metrics": metrics}]}],
    }
    kept = {key: value for key, value in content.items() if value is not None}
    return FENCE + yaml.safe_dump(kept, sort_keys=False, allow_unicode=True, width=120) + FENCE


def pipeline_tag(contract: Contract) -> str:
    """What kind of model it is, in Hugging Face's words."""
    if contract.target.task == "regression":
        return "tabular-regression"
    return "text-classification" if len(contract.text) == len(contract.columns) else "tabular-classification"


def dataset_type(source: str) -> str:
    """A source as the identifier of a data set: `openml:adult@2` is `openml-adult`."""
    scheme, _, rest = source.partition(":")
    stem = rest.partition("@")[0].rpartition("/")[2].partition("?")[0].partition(".")[0]
    return "-".join("".join(c if c.isascii() and c.isalnum() else " " for c in f"{scheme} {stem}").split())


def _args(each: Interval) -> dict[str, Any]:
    if not math.isfinite(each.low):
        return {}
    return {"interval": "95 % percentile bootstrap", "low": each.low, "high": each.high}
