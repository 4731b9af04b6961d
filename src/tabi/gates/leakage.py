"""The test must not be known before: no test row among the training rows, no column that is the target in disguise.

A column is disguised if it alone tells the target: a small tree over its numbers, or the mean target of its categories,
is learnt from the training rows and scored on the test rows. Columns of free text are not looked at.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from tabi.contract import Contract
from tabi.data.sample import hashes_of
from tabi.gates.bootstrap import scorer_of
from tabi.gates.candidate import Candidate
from tabi.gates.verdict import Verdict, level_above, worst
from tabi.training.reports import Rows
from tabi.training.reports.codes import coded_columns
from tabi.training.stages import Floats
from tabi.training.tasks import TASKS

GATE = "leakage"
# the usual bounds: of shared rows, and of the score of one column
SHARED, COLUMN = 0.01, 0.99
# of a tree; a leak may hide in fine steps
LEAVES = 200


def leakage_gate(candidate: Candidate) -> Verdict:
    """Fail above the project's bounds, warn above the usual ones."""
    config = candidate.gates.leakage
    shared = _shared(candidate)
    scores = column_scores(candidate.contract, candidate.train, candidate.test)
    name, best = max(scores.items(), key=lambda item: item[1], default=("", float("-inf")))
    score = TASKS[candidate.contract.target.task].score_name
    levels = [level_above(shared, config.shared_maximum, SHARED)]
    told = [f"{shared:.2%} of the test rows are training rows too"]
    figures = {"shared": shared}
    if scores:
        levels.append(level_above(best, config.column_maximum, COLUMN))
        told.append(f"the best column alone, {name!r}, has {score} {best:.4f}")
        figures["column"] = best
    if levels[-1] != "pass" and scores:
        told[-1] += ", as if it were the target: drop it unless it is known at the time of a prediction"
    content = {"shared": shared, "score": score, "columns": dict(sorted(scores.items(), key=lambda item: -item[1]))}
    return Verdict(GATE, worst(levels), figures, "; ".join(told), candidate.report(GATE, content))


def column_scores(contract: Contract, train: Rows, test: Rows) -> dict[str, float]:
    """What each column alone scores on the test rows."""
    guesses: dict[str, Floats] = {}
    rows = len(train.X)
    for column in contract.numeric:
        guesses[column.name] = _tree_target(train.X[[column.name]], train.y, test.X[[column.name]], contract)
    both = pd.concat([train.X, test.X], ignore_index=True)
    for coded in coded_columns(msgspec.structs.replace(contract, columns=contract.categorical), both):
        guesses[coded.column] = _mean_target(coded.code[:rows], train.y, coded.code[rows:], contract)
    scores = {
        name: float(scorer_of(contract.target.task, test.y, guess)(np.ones((1, len(test.y))))[0])
        for name, guess in guesses.items()
    }
    return {name: score for name, score in scores.items() if np.isfinite(score)}


def _tree_target(learnt: pd.DataFrame, y: npt.NDArray[Any], asked: pd.DataFrame, contract: Contract) -> Floats:
    """What a small tree over one column of numbers gives; it has a way for what is missing."""
    if contract.target.task == "multiclass":
        places = DecisionTreeClassifier(max_leaf_nodes=LEAVES, random_state=0).fit(learnt.to_numpy(), y)
        found = np.zeros((len(asked), len(contract.target.classes)))
        found[:, places.classes_] = places.predict_proba(asked.to_numpy())
        return found
    tree = DecisionTreeRegressor(max_leaf_nodes=LEAVES, random_state=0).fit(learnt.to_numpy(), y)
    return np.asarray(tree.predict(asked.to_numpy()), dtype=np.float64)


def _mean_target(
    learnt: npt.NDArray[np.int64], y: npt.NDArray[Any], asked: npt.NDArray[np.int64], contract: Contract
) -> Floats:
    """The mean target of each slice's training rows, drawn towards that of all by one row."""
    target = contract.target
    size = int(max(learnt.max(), asked.max())) + 1
    rows = np.bincount(learnt, minlength=size) + 1.0
    columns = [y == place for place in range(len(target.classes))] if target.task == "multiclass" else [y]
    means = [(np.bincount(learnt, each.astype(np.float64), size) + each.mean()) / rows for each in columns]
    guesses = np.column_stack(means)[asked]
    return guesses if target.task == "multiclass" else guesses[:, 0]


def _shared(candidate: Candidate) -> float:
    """The share of test rows that equal a training row in every column of the contract and the target."""
    hashes = hashes_of(candidate.table.X.assign(**{"": candidate.table.y}))
    train, test = hashes[candidate.cut.train], hashes[candidate.cut.test]
    return float(np.isin(test, train).mean())
