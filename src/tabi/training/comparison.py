"""What a search compared beside parameters, encodings or class weights: the best candidate of each, in one report."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from tabi.training.choice import CandidateScore, best_of
from tabi.training.outcomes import Problem
from tabi.training.prepared import with_empty_columns_constant
from tabi.training.presets import Params
from tabi.training.search import SearchResult


@dataclass(frozen=True)
class Compared:
    """One value with its best candidate, in the last rung that the value reached.

    `mean` and `standard_error` are of the score over the folds; the error is None of a single fold. `cost_us`:
    estimated µs a row of the estimator alone, None where it is not known. `columns`: what the estimator is given of all
    training rows. `rows`: how many the rung had.
    """

    value: str
    mean: float
    standard_error: float | None
    cost_us: float | None
    columns: int
    rows: int
    candidate: int


@dataclass(frozen=True)
class Comparison:
    """What was compared, which value the winner of the search has, and all values.

    `key`: the parameter of the candidates. Values that more rows were tried on come first, of equally many the better.
    """

    name: str
    key: str
    winner: str
    score: str
    values: tuple[Compared, ...]

    def lines(self) -> Iterator[str]:
        """A line each, for a person."""
        for c in self.values:
            error = "" if c.standard_error is None else f" ± {c.standard_error:.4f}"
            cost = "" if c.cost_us is None else f", {c.cost_us:.2f} µs a row"
            columns = f"{c.columns} column{'s' if c.columns > 1 else ''}"
            won = ", the winner's" if c.value == self.winner else ""
            yield f"{self.name}: {c.value} {self.score} {c.mean:.4f}{error}{cost}, {columns}, on {c.rows} rows{won}"


def compare(name: str, key: str, found: SearchResult, problem: Problem) -> Comparison:
    """The values of a key of the candidates side by side."""
    by_value: dict[str, list[CandidateScore]] = {}
    for score in found.table:
        by_value.setdefault(_text(score.params[key]), []).append(score)
    values = []
    for value, scores in by_value.items():
        last = max(score.rung for score in scores)
        highest = best_of([score for score in scores if score.rung == last])
        values.append(_compared(value, highest, _columns(problem, highest.params)))
    ordered = sorted(values, key=lambda c: (-c.rows, -c.mean))
    return Comparison(name, key, _text(found.best[key]), problem.plan.task.score_name, tuple(ordered))


def write_comparisons(folder: Path, comparisons: Sequence[Comparison]) -> None:
    """Write each comparison as a JSON file of its name."""
    folder.mkdir(parents=True, exist_ok=True)
    for comparison in comparisons:
        text = json.dumps(asdict(comparison), indent=2, ensure_ascii=False)
        (folder / f"{comparison.name}.json").write_text(text + "\n", encoding="utf-8")


def _compared(value: str, score: CandidateScore, columns: int) -> Compared:
    folds = len(score.scores)
    error = float(np.std(score.scores, ddof=1) / math.sqrt(folds)) if folds > 1 else None
    cost = score.cost if math.isfinite(score.cost) else None
    return Compared(value, score.mean, error, cost, columns, score.n_resources, score.candidate)


def _columns(problem: Problem, params: Params) -> int:
    prep, X = problem.build(params)[:-1], problem.X
    return int((prep.fit_transform(with_empty_columns_constant(X), problem.y) if len(prep) else X).shape[1])


def _text(value: object) -> str:
    return "none" if value is None else str(value)
