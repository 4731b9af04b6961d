"""The test must not be known before: no test row among the training rows, no column that is the target in disguise.

A column is disguised if it alone tells the target: its slices get the mean target of their training rows, and the test
rows are scored by it. Columns of free text are not cut into slices.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tabi.contract import Column, Contract, NumericColumn
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
# slices of a numeric column that has more values than that; a leak may hide in fine steps
BINS = 200


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
    rows = len(train.X)
    both = type(train.X)({name: np.concatenate([train.X[name], test.X[name]]) for name in train.X.columns})
    found = {}
    for coded in coded_columns(_finely_cut(contract, train), both):
        guess = _mean_target(coded.code[:rows], train.y, coded.code[rows:], contract)
        score = float(scorer_of(contract.target.task, test.y, guess)(np.ones((1, len(test.y))))[0])
        if np.isfinite(score):
            found[coded.column] = score
    return found


def _finely_cut(contract: Contract, train: Rows) -> Contract:
    """The contract with numeric columns cut into more bins, by the training rows."""
    import msgspec

    columns: list[Column] = []
    for column in contract.columns:
        if isinstance(column, NumericColumn) and column.reference is not None:
            values = train.X[column.name].to_numpy(dtype=np.float64)
            values = values[np.isfinite(values)]
            edges = np.unique(np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1])) if len(values) else np.empty(0)
            reference = msgspec.structs.replace(column.reference, edges=tuple(edges.tolist()), counts=())
            columns.append(msgspec.structs.replace(column, reference=reference))
        else:
            columns.append(column)
    return msgspec.structs.replace(contract, columns=tuple(columns))


def _mean_target(
    learnt: npt.NDArray[np.int64], y: npt.NDArray[np.generic], asked: npt.NDArray[np.int64], contract: Contract
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
