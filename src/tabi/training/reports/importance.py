"""Permutation importance: how much of the metric is lost when one column's values are shuffled among the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from tabi.training.reports.pictures import Json, new_figure, shown
from tabi.training.reports.subject import Rows, Subject

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# more rows would not change the order of the columns, only the time it takes
ROWS = 1000
REPEATS = 3
SHOWN = 20


def importance_report(subject: Subject) -> tuple[Json, Figure]:
    """Each column's loss of the metric, the mean of several shuffles of a sample of the test rows."""
    rows = subject.sample(subject.test, ROWS)
    whole = subject.score(rows.y, subject.predict(rows.X))
    random = np.random.default_rng(subject.seed)
    columns = []
    for column in subject.contract.columns:
        losses = [whole - score for score in _shuffled(subject, rows, column.name, random)]
        columns.append({"column": column.name, "loss": float(np.mean(losses)), "deviation": float(np.std(losses))})
    columns.sort(key=lambda each: -float(each["loss"]))  # type: ignore[arg-type]
    content = {
        "metric": subject.metric,
        "score": whole,
        "rows": len(rows.X),
        "of_rows": len(subject.test.X),
        "repeats": REPEATS,
        "columns": columns,
    }
    return content, _figure(content)


def _shuffled(subject: Subject, rows: Rows, column: str, random: np.random.Generator) -> list[float]:
    """The metric for each shuffle. All are predicted in one call, which costs much less than a call each."""
    count = len(rows.X)
    together = pd.concat([rows.X] * REPEATS, ignore_index=True)
    values = rows.X[column].to_numpy()
    together[column] = np.concatenate([values[random.permutation(count)] for _ in range(REPEATS)])
    given = subject.predict(together)
    return [subject.score(rows.y, given[i * count : (i + 1) * count]) for i in range(REPEATS)]


def _figure(content: Json) -> Figure:
    columns = content["columns"][:SHOWN][::-1]
    figure, axes = new_figure(1.5 + 0.3 * len(columns))
    names, losses = [shown(each["column"]) for each in columns], [each["loss"] for each in columns]
    axes.barh(names, losses, xerr=[each["deviation"] for each in columns])
    axes.set_xlabel(f"Loss of {content['metric']} when the column is shuffled")
    return figure
