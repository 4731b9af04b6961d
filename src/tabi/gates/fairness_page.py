"""`reports/fairness.html`: one file that a browser shows without a network, with a plot for every column."""

from __future__ import annotations

import base64
import io
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tabi.bundle import layout
from tabi.training.reports.pictures import any_names, new_figure, shown

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Json = dict[str, Any]

NAME = "fairness.html"
TITLES = {
    "selection_rate": "Selection rate",
    "tpr": "True positive rate",
    "fpr": "False positive rate",
    "auc": "ROC AUC",
    "mean_prediction": "Mean prediction",
    "mean_error": "Mean error",
    "mean_absolute_error": "Mean absolute error",
    "demographic_parity": "Demographic parity difference",
    "equalized_odds": "Equalized odds difference",
}
STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b}"
    "table{border-collapse:collapse;margin:1rem 0}"
    "th,td{padding:.25rem .7rem;text-align:right;border-bottom:1px solid #ddd}"
    "th:first-child,td:first-child{text-align:left}img{max-width:100%}.small{color:#777}"
    ".warn{background:#fff3cd}.fail{background:#f8d7da}.pass{background:#e6f4ea}"
)


def write_page(folder: Path, project: str, content: Json) -> str:
    """Write the page of a report into a bundle's folder, and return its path in it. The same report, the same bytes."""
    path = f"{layout.REPORTS}{NAME}"
    with any_names():
        (folder / path).write_text(page_of(project, content), encoding="utf-8")
    return path


def page_of(project: str, content: Json) -> str:
    """The page as HTML."""
    head = f"Fairness of {project}"
    parts = [
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(head)}</title>',
        f"<style>{STYLE}</style></head><body><h1>{escape(head)}</h1>",
        f"<p>{escape(_introduction(content))}</p>",
        _judgements(content),
    ]
    for column in content["columns"]:
        parts.append(f"<h2>By {escape(column['column'])}</h2>")
        parts += [_outcome(outcome, content) for outcome in column["outcomes"]]
    return "\n".join([*parts, "</body></html>", ""])


def _introduction(content: Json) -> str:
    text = f"What the model says of {content['rows']:,} test rows, by groups. Target: {content['target']}."
    if content["threshold"] is not None:
        text += f" Selected is a row whose probability is {content['threshold']:.4f} or more."
    return (
        f"{text} Intervals are of 95 %. A group with fewer than {content['least_rows']} rows is small: it is shown and "
        f"not judged. A rate among fewer than {content['least_positives']} rows of a group is not judged either."
    )


def _judgements(content: Json) -> str:
    rows = "".join(
        f'<tr class="{escape(each["level"])}"><td>{escape(each["column"])}</td><td>{escape(each["outcome"])}</td>'
        f"<td>{TITLES.get(each['measure'], each['measure'])}</td><td>{_number(each['value'])}</td>"
        f"<td>{_bound(content, each['measure'])}</td><td>{escape(each['level'])}</td></tr>"
        for each in content["judgements"]
    )
    titles = ("column", "outcome", "largest between groups", "value", "warns, fails above", "verdict")
    head = "".join(f"<th>{title}</th>" for title in titles)
    return f"<table><tr>{head}</tr>{rows}</table>"


def _bound(content: Json, measure: str) -> str:
    bound = content["bounds"][measure]
    return ", ".join("none" if bound[name] is None else f"{bound[name]:g}" for name in ("warn", "fail"))


def _outcome(outcome: Json, content: Json) -> str:
    groups = outcome["groups"]
    rates = [name for name in TITLES if name in groups[0]]
    head = "".join(f"<th>{title}</th>" for title in ("group", "rows", *(TITLES[rate] for rate in rates)))
    body = "".join(_row(group, rates) for group in groups)
    title = f"<h3>{escape(str(outcome['outcome']))}</h3>" if content["task"] != "regression" else ""
    picture = _picture(groups, rates)
    alt = f"{', '.join(TITLES[rate] for rate in rates)} by group"
    return f'{title}<img alt="{escape(alt)}" src="{picture}"><table><tr>{head}</tr>{body}</table>'


def _row(group: Json, rates: list[str]) -> str:
    name = escape(group["group"]) + (" (small)" if group["small"] else "")
    cells = "".join(
        f"<td{'' if rate in group['judged'] else ' class=small'}>{_interval(group[rate])}</td>" for rate in rates
    )
    return f"<tr{' class=small' if group['small'] else ''}><td>{name}</td><td>{group['rows']:,}</td>{cells}</tr>"


def _interval(each: Json) -> str:
    if each["value"] is None:
        return "–"
    return f"{_number(each['value'])} [{_number(each['low'])}, {_number(each['high'])}]"


def _number(value: float | None) -> str:
    return "not judged" if value is None else f"{value:.3f}" if abs(value) < 100 else f"{value:,.1f}"


def _picture(groups: list[Json], rates: list[str]) -> str:
    figure = _figure(groups, rates)
    bytes_ = io.BytesIO()
    figure.savefig(bytes_, dpi=80, format="png", metadata={"Software": None})
    return f"data:image/png;base64,{base64.b64encode(bytes_.getvalue()).decode()}"


def _figure(groups: list[Json], rates: list[str]) -> Figure:
    """A row of points with intervals for each rate, a line a group; what is not judged is grey."""
    first, _ = new_figure()
    first.clear()
    first.set_size_inches(2.6 * len(rates) + 1.5, 1.2 + 0.32 * len(groups))
    axes = first.subplots(1, len(rates), sharey=True, squeeze=False)[0]
    for place, rate in enumerate(rates):
        for line, group in enumerate(groups):
            each, colour = group[rate], "C0" if rate in group["judged"] else "0.7"
            if each["value"] is not None:
                axes[place].plot([each["low"], each["high"]], [line, line], color=colour)
                axes[place].plot([each["value"]], [line], "o", color=colour)
        axes[place].set_xlabel(TITLES[rate])
    axes[0].set_yticks(range(len(groups)), [shown(f"{group['group']} ({group['rows']})", 30) for group in groups])
    axes[0].invert_yaxis()
    return first
