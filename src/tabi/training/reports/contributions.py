"""What moves the model's score: the SHAP summary, over exact explanations of a sample of the test rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from tabi.contract import NumericColumn
from tabi.errors import ExplanationError
from tabi.explain import Explained, Explainer
from tabi.training.explanation import anatomy_of, encoded_rows
from tabi.training.reports.pictures import Json, new_figure, shown
from tabi.training.reports.subject import Rows, Subject

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ROWS = 200
# a forest of many leaves takes long for each row
LEAST_ROWS = 10
NODE_ROWS = 2_000_000
SHOWN = 12


def contributions_report(subject: Subject) -> tuple[Json, Figure | None]:
    """Each column's mean size of contribution, by score; or why this model has no exact explanation."""
    try:
        rows, found = _explained(subject)
    except (ExplanationError, OverflowError) as error:
        return {"explained": False, "reason": str(error)}, None
    names = [column.name for column in subject.contract.columns]
    sizes, signed = np.abs(found.contributions).mean(axis=0), found.contributions.mean(axis=0)
    order = np.argsort(-sizes.sum(axis=0), kind="stable")
    target = subject.contract.target
    scores = target.classes if len(found.base) > 1 else (target.classes[-1:] or (target.name,))
    content = {
        "explained": True,
        "link": found.link,
        "rows": len(rows.X),
        "of_rows": len(subject.test.X),
        "scores": [
            {
                "of": score,
                "base": float(found.base[k]),
                "columns": [
                    {"column": names[i], "mean_size": float(sizes[k, i]), "mean": float(signed[k, i])} for i in order
                ],
            }
            for k, score in enumerate(scores)
        ],
    }
    return content, _figure(subject, rows, found, [int(i) for i in order[:SHOWN]])


def _explained(subject: Subject) -> tuple[Rows, Explained]:
    anatomy = anatomy_of(subject.pipeline, subject.contract, subject.training.X)
    explainer = Explainer(anatomy.explanation, len(subject.contract.columns))
    most = int(np.clip(NODE_ROWS // max(anatomy.nodes, 1), LEAST_ROWS, ROWS))
    rows = subject.sample(subject.test, most)
    encoded = encoded_rows(anatomy.preparation, rows.X)
    return rows, explainer.explain_encoded(encoded, subject.predict(rows.X))


def _figure(subject: Subject, rows: Rows, found: Explained, order: list[int]) -> Figure:
    """Of one score a dot a row, by its value where the column is numeric; of several classes the mean sizes."""
    figure, axes = new_figure(1.5 + 0.35 * len(order))
    names = [shown(subject.contract.columns[i].name) for i in order][::-1]
    if len(found.base) > 1:
        left = np.zeros(len(order))
        for k, label in enumerate(subject.contract.target.classes):
            sizes = np.abs(found.contributions[:, k, order[::-1]]).mean(axis=0)
            axes.barh(names, sizes, left=left, label=shown(label))
            left += sizes
        axes.legend(loc="lower right", fontsize="small")
        axes.set_xlabel("Mean size of contribution")
        return figure
    random = np.random.default_rng(0)
    for place, i in enumerate(order[::-1]):
        given = found.contributions[:, 0, i]
        heights = place + random.uniform(-0.3, 0.3, len(given))
        axes.scatter(given, heights, s=4, c=_colours(subject, rows.X, i), cmap="coolwarm", vmin=0, vmax=1)
    axes.axvline(0, color="0.7", linewidth=0.8)
    axes.set_yticks(range(len(names)), names)
    unit = {"logit": "log-odds", "log": "logarithm"}.get(found.link, "answer")
    axes.set_xlabel(f"Contribution to the {unit} (blue to red: low to high values)")
    return figure


def _colours(subject: Subject, X: pd.DataFrame, column: int) -> Any:
    """Each value's rank; the middle where there is none."""
    found = subject.contract.columns[column]
    if not isinstance(found, NumericColumn):
        return np.full(len(X), 0.5)
    return X[found.name].rank(pct=True).fillna(0.5).to_numpy()
