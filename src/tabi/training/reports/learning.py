"""The learning curve: what the same pipeline is worth when it learns from fewer rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tabi.errors import TrainingError
from tabi.training.reports.pictures import Json, new_figure
from tabi.training.reports.subject import Rows, Subject

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# a fit takes time, and the last point is the model itself
MOST_ROWS = 8_000
PARTS = (4, 2, 1)
LEAST_ROWS = 30
SCORED_ROWS = 2_000


def learning_report(subject: Subject) -> tuple[Json, Figure]:
    """The metric of training and test rows by how many rows were learnt from.

    Each part holds all smaller ones, with the classes in the same proportion. The parameters are those that the search
    found on all training rows.
    """
    training = subject.training
    test = subject.sample(subject.test, SCORED_ROWS)
    order = nested_order(subject.task != "regression", training.y, subject.seed)
    points = []
    for size in (min(len(order) // 4, MOST_ROWS) // part for part in PARTS):
        if size < LEAST_ROWS:
            continue
        rows = np.sort(order[:size])
        learnt = Rows(training.X.iloc[rows], training.y[rows])
        pipeline = _fitted(subject, learnt)
        if pipeline is not None:
            points.append(_point(subject, learnt, test, pipeline))
    points.append(_point(subject, training, test, None))
    content = {
        "metric": subject.metric,
        "test_rows": len(test.X),
        "of_test_rows": len(subject.test.X),
        "training_rows_scored": SCORED_ROWS,
        "points": points,
    }
    return content, _figure(content)


def nested_order(classified: bool, y: npt.NDArray[Any], seed: int) -> npt.NDArray[np.int64]:
    """Row numbers in an order of which every beginning has the classes in their proportion."""
    random = np.random.default_rng(seed)
    order = random.permutation(len(y))
    if not classified:
        return order
    rank = np.empty(len(y))
    shuffled = y[order]
    for label in np.unique(y):
        places = order[shuffled == label]
        rank[places] = (np.arange(len(places)) + 0.5) / len(places)
    return np.argsort(rank, kind="stable")


def _fitted(subject: Subject, learnt: Rows) -> Any:
    try:
        return subject.fit(learnt.X, learnt.y)
    except TrainingError as error:
        # a fit that failed on so few rows has a cause; that the time is up has none, and ends the training
        if error.__cause__ is None:
            raise
        return None


def _point(subject: Subject, learnt: Rows, test: Rows, pipeline: Any) -> Json:
    seen = subject.sample(learnt, SCORED_ROWS)
    return {
        "rows": len(learnt.X),
        "training": subject.score(seen.y, subject.predict(seen.X, pipeline)),
        "test": subject.score(test.y, subject.predict(test.X, pipeline)),
    }


def _figure(content: Json) -> Figure:
    figure, axes = new_figure()
    rows = [point["rows"] for point in content["points"]]
    for name in ("training", "test"):
        axes.plot(rows, [point[name] for point in content["points"]], "o-", label=f"{name} rows")
    axes.set(xlabel="Rows learnt from", ylabel=content["metric"], xscale="log")
    axes.minorticks_off()
    axes.set_xticks(rows, [str(count) for count in rows])
    axes.legend(loc="center right")
    return figure
