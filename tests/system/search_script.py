"""A search by each strategy, here and on a cluster: `python search_script.py BACKEND`; prints a JSON object.

It runs where the cluster's library is installed, so it takes nothing of the tests.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from tabi.contract import CategoricalColumn, Contract, NumericColumn, Target
from tabi.project import ProjectConfig, SearchConfig
from tabi.project.config import Strategy
from tabi.training.pipelines import build_pipeline
from tabi.training.search import SearchResult, run_search

SPACE: dict[str, list[Any]] = {"clf__n_estimators": [3, 5], "clf__max_depth": [1, 3, None]}


def rows() -> tuple[pd.DataFrame, Any]:
    """Two columns, one of each kind, that tell of the class."""
    rng = np.random.default_rng(0)
    y = (rng.random(400) < 0.4).astype(np.int8)
    colour = np.where(rng.random(400) < 0.3 + 0.4 * y, "red", "blue").astype(object)
    return pd.DataFrame({"a": y + rng.normal(size=400), "colour": colour}), y


def search(backend: str, strategy: Strategy) -> SearchResult:
    """The result of a small search."""
    X, y = rows()
    contract = Contract(
        "t", (NumericColumn("a"), CategoricalColumn("colour", ("blue", "red"))), Target("target", ("no", "yes"))
    )
    project = ProjectConfig(name="t", source="csv:t.csv", target="target", preset="forest")
    build: Any = partial(build_pipeline, contract, project)
    config = SearchConfig(strategy=strategy, candidates=3, jobs=1)
    found: SearchResult = run_search(build, SPACE, X, y, replace(config, backend=backend), 1)
    assert isinstance(build(found.best), Pipeline)
    return found


def said(found: SearchResult) -> list[Any]:
    """All digits of what a search found."""
    return [
        repr(found.best),
        [[repr(value) for value in s.scores] for s in found.table],
        found.out_of_fold.tobytes().hex(),
    ]


def main(backend: str, *strategies: str) -> None:
    """Search here and there."""
    names = [Strategy[name] for name in strategies]
    print(json.dumps({s.name: [said(search(b, s)) for b in ("local", backend)] for s in names}))


if __name__ == "__main__":
    main(*sys.argv[1:])
