"""The sections of a card: what the model is for, what it was made from, and what it is worth."""

from __future__ import annotations

import json
import math

from tabi.contract import CategoricalColumn, Column, NumericColumn, Target
from tabi.export.typical import typical_row
from tabi.gates.bootstrap import Interval
from tabi.registry.card.markdown import cell, code, fenced, section, table
from tabi.registry.card.subject import Subject

SHOWN = 10
UNSAID = "Not stated by the owner."
CATEGORIES = 8


def title(subject: Subject) -> str:
    """The name, what it gives, and the figures that are looked for first."""
    run, words = subject.run, subject.words
    facts = [
        ("predicts", f"{cell(subject.target.name)} ({subject.target.task})"),
        ("learnt from", f"{len(subject.candidate.train.y):,} rows of {code(run.config.source)}"),
        ("tested on", f"{len(subject.candidate.test.y):,} rows it has not seen"),
        ("preset", code(run.config.preset)),
        *([("owner", cell(words.owner))] if words.owner else []),
        *([("contact", cell(words.contact))] if words.contact else []),
        *([("licence", cell(words.licence))] if words.licence else []),
        *([("languages", cell(", ".join(words.languages)))] if words.languages else []),
    ]
    rows = [(f"**{name}**", value) for name, value in facts]
    return "\n\n".join(
        part
        for part in (f"# {cell(run.project)}", words.summary.strip(), purpose(subject.target), table(("", ""), rows))
        if part
    )


def purpose(target: Target) -> str:
    """What the model gives, in a sentence."""
    if target.task == "regression":
        return f"Gives the number {code(target.name)}."
    if target.task == "multiclass":
        labels = ", ".join(code(label) for label in target.classes)
        return f"Gives the probability of each value of {code(target.name)}: {labels}."
    positive, other = code(target.positive), code(target.classes[0])
    return f"Gives the probability that {code(target.name)} is {positive} and not {other}."


def uses(subject: Subject) -> str:
    """What it is meant for, and what not."""
    words = subject.words
    parts = [words.intended_use.strip() or UNSAID]
    if words.out_of_scope:
        parts += ["### Out of scope", words.out_of_scope.strip()]
    return section("Intended use", *parts)


def limits(subject: Subject) -> str:
    """What the owner says, and what every such model cannot do."""
    known = (
        "The model knows rows as they were when its snapshot was fetched. A category it has never seen, or a number "
        "far from those it learnt from, gets an answer all the same; the server warns of it, or refuses it where the "
        "contract is strict. A score is not a cause."
    )
    return section("Limits", subject.words.limits.strip() or UNSAID, known)


def data(subject: Subject) -> str:
    """The snapshot, how it was cut, and its columns."""
    lineage, snapshot = subject.lineage, subject.candidate.table.snapshot
    split = subject.run.config.split
    facts = [
        ("source", code(lineage.source)),
        ("snapshot", code(lineage.snapshot)),
        ("rows, columns", f"{snapshot.rows:,}, {snapshot.columns}"),
        ("test rows", f"{split.test_size:g} of all, cut {split.kind.value}, seed {split.seed}"),
        *((cell(f"made from {a.kind}"), f"{code(a.name)} {code(a.digest or '')}") for a in lineage.ancestors),
    ]
    columns = [(cell(column.name), kind_of(column), _range(column)) for column in subject.contract.columns]
    return section(
        "Data", table(("", ""), facts), "### Columns", table(("column", "kind", "what was learnt from"), columns)
    )


def metrics(subject: Subject) -> str:
    """Each metric of the test set, with its interval where it can be resampled."""
    found, resamples = subject.measured
    rows = [
        (_metric(name, subject.target), f"{value:.4f}", _interval(found.get(name)))
        for name, value in sorted(subject.run.metrics.items())
        if name in found or name.startswith(("cv_", "search_"))
    ]
    how = (
        f"On {len(subject.candidate.test.y):,} test rows. Intervals are of 95 %, by the percentile bootstrap over "
        f"{resamples:,} resamples of these rows; they say nothing of another training or another time."
    )
    threshold = subject.run.threshold
    criterion = subject.run.config.threshold.criterion.value
    decided = "" if threshold is None else f"Decided at {threshold:.6f}, chosen for {criterion}."
    pictures = [
        subject.picture(name, alt)
        for name, alt in (
            ("roc", "ROC curve"),
            ("precision_recall", "Precision and recall"),
            ("confusion_matrix", "Confusion matrix"),
            ("predicted_against_true", "Predicted against true"),
        )
    ]
    table_ = table(("metric", "value", "95 % interval"), rows)
    return section("Metrics", how, decided, table_, " ".join(part for part in pictures if part))


def slices(subject: Subject) -> str:
    """Where it is worse than on the whole."""
    report = subject.report("slices")
    if not report:
        return ""
    worst = sorted([*report["slices"], *report["pairs"]], key=lambda each: -float(each["low"]))[:SHOWN]
    rows = [
        (cell(each["slice"]), f"{each['rows']:,}", f"{each['error']:.4f}", f"{each['low']:.4f} – {each['high']:.4f}")
        for each in worst
    ]
    whole = f"On all test rows the {report['error']} is {report['overall']:.4f}."
    if not rows:
        return section("Slices", f"{whole} No slice of at least {report['least_rows']} rows is surely worse.")
    told = f"{whole} It is surely worse here; of hundreds of slices that were looked at a few are so by chance."
    head = ("slice", "rows", "error", report["interval"])
    return section("Slices", told, table(head, rows), subject.picture("slices", "Worst slices"))


def fairness(subject: Subject) -> str:
    """The differences between groups, against the project's bounds."""
    report = subject.report("fairness")
    if not report:
        return section("Fairness", "Not looked at: the project names no sensitive column.")
    rows = [
        (
            cell(each["column"]),
            cell(each["outcome"]),
            each["measure"].replace("_", " "),
            _number(each["value"]),
            _bound(report["bounds"][each["measure"]]),
            each["level"],
        )
        for each in report["judgements"]
    ]
    head = ("column", "outcome", "difference", "value", "bound", "verdict")
    told = (
        "The largest difference between groups of the test rows. A difference without a bound is shown and not judged; "
        "which bound is just is the owner's decision. All groups, with intervals, are in `reports/fairness.html`."
    )
    return section("Fairness", told, table(head, rows))


def calibration(subject: Subject) -> str:
    """Whether probabilities are what they say."""
    report = subject.report("calibration")
    if not report:
        return ""
    method = report["calibrated"]
    rows = [
        (_calibrated(name, method), f"{each['brier']:.4f}", f"{each['ece']:.4f}")
        for name, each in report.items()
        if isinstance(each, dict) and "brier" in each
    ]
    told = "The model is not calibrated." if method == "none" else f"The model is calibrated by {cell(method)}."
    picture = subject.picture("calibration", "Calibration curve")
    return section("Calibration", told, table(("", "Brier score", "expected calibration error"), rows), picture)


def importance(subject: Subject) -> str:
    """What the model leans on."""
    report = subject.report("permutation_importance")
    if not report:
        return ""
    told = f"The loss of {report['metric']} when a column's values are shuffled among the test rows. It is no cause."
    rows = [
        (cell(each["column"]), _number(each["loss"]), _number(each["deviation"])) for each in report["columns"][:SHOWN]
    ]
    pictures = [
        subject.picture("permutation_importance", "Permutation importance"),
        subject.picture("contributions", "Contributions by SHAP"),
    ]
    return section(
        "Importance", told, table(("column", "loss", "deviation"), rows), " ".join(part for part in pictures if part)
    )


def calling(subject: Subject) -> str:
    """How to ask it."""
    name, row = subject.run.project, typical_row(subject.contract)
    body = json.dumps({"features": row}, ensure_ascii=False)
    shell = body.replace("'", "'\\''")
    return section(
        "How to call it",
        "A row of typical values, made from the contract; it is no row of the data.",
        fenced(
            "sh",
            f"tabi serve {name} &\ncurl -s localhost:8000/predict -H 'content-type: application/json' -d '{shell}'",
        ),
        fenced(
            "python",
            "from tabi.client import Client\n\n"
            'with Client("http://localhost:8000") as client:\n'
            f"    print(client.predict({row!r}))",
        ),
        fenced("sh", f"echo '{shell}' | tabi predict {name} --json -"),
    )


def kind_of(column: Column) -> str:
    """What a column is to the model."""
    if isinstance(column, NumericColumn):
        return "numeric"
    return "categorical" if isinstance(column, CategoricalColumn) else "text"


def _range(column: Column) -> str:
    if isinstance(column, CategoricalColumn):
        more = len(column.categories) - CATEGORIES
        listed = ", ".join(code(each) for each in column.categories[:CATEGORIES])
        return f"{listed} and {more} more" if more > 0 else listed
    if isinstance(column, NumericColumn) and column.reference is not None and column.reference.edges:
        edges = column.reference.edges
        return f"most between {edges[0]:.6g} and {edges[-1]:.6g}"
    return ""


def _metric(name: str, target: Target) -> str:
    """A metric's name, with the label of the class that it is about."""
    number = name.removeprefix("recall_class_")
    return f"recall, {code(target.classes[int(number)])}" if number != name else cell(name.replace("_", " "))


def _interval(each: Interval | None) -> str:
    if each is None or not math.isfinite(each.low):
        return "–"
    return f"{each.low:.4f} – {each.high:.4f}"


def _calibrated(name: str, method: str) -> str:
    """Of a model that is not calibrated, `before` is the model, and the others are what it could be."""
    if method != "none":
        return f"{name} calibration"
    return "the model" if name == "before" else f"if calibrated by {name}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _bound(bound: dict[str, float | None]) -> str:
    return ", ".join(f"{word} above {limit:g}" for word, limit in bound.items() if limit is not None) or "none"
