"""A model must not treat groups too differently: by the columns that the project names as sensitive.

Bounds are the project's: what difference is just is no matter of statistics. Without one the differences are shown.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from tabi.gates.candidate import Candidate
from tabi.gates.disparity import Decision, Json, disparity_of_classes, disparity_of_numbers
from tabi.gates.fairness_page import write_page
from tabi.gates.groups import Groups, groups_of
from tabi.gates.verdict import Level, Verdict, worst
from tabi.project import FairnessConfig
from tabi.project.gates import BoundConfig

GATE = "fairness"
WORDS = {"demographic_parity": "demographic parity", "equalized_odds": "equalized odds", "auc": "AUC"}


class Judgement(NamedTuple):
    """One difference against its bounds. `value` is None where it could not be judged."""

    column: str
    outcome: str
    measure: str
    value: float | None
    level: Level
    text: str


def fairness_gate(candidate: Candidate) -> Verdict:
    """Fail or warn above the project's bounds; warn where it names columns and states none."""
    groups = groups_of(candidate)
    config = candidate.run.config.fairness
    if not groups:
        return Verdict(GATE, "skipped", {}, "fairness.sensitive names no column")
    columns: list[Json] = [{"column": each.column, "outcomes": _outcomes(candidate, each, config)} for each in groups]
    judgements = [judgement for column in columns for judgement in _judged(column, config)]
    level, reason = _said(judgements, config)
    small = [
        f"{column['column']} {group['group']}"
        for column in columns
        for group in column["outcomes"][0]["groups"]
        if group["small"]
    ]
    if small:
        reason += f"; not judged, fewer than {config.least_rows} rows: {', '.join(small)}"
    content: Json = {
        "target": candidate.contract.target.name,
        "task": candidate.contract.target.task,
        "rows": len(candidate.test.y),
        "threshold": candidate.run.threshold,
        "least_rows": config.least_rows,
        "least_positives": config.least_positives,
        "bounds": {measure: vars(getattr(config, measure)) for measure in WORDS},
        "columns": columns,
        "judgements": [judgement._asdict() for judgement in judgements],
        "level": level,
    }
    report = candidate.report(GATE, content)
    page = write_page(candidate.folder, candidate.run.project, content)
    return Verdict(GATE, level, _figures(judgements), reason, page or report)


def _outcomes(candidate: Candidate, groups: Groups, config: FairnessConfig) -> list[Json]:
    """What is decided: of two classes the positive one, of several each, of a regression the number."""
    target, y, given = candidate.contract.target, candidate.test.y, candidate.prediction
    seed = candidate.run.config.seed
    if target.task == "regression":
        return [{"outcome": target.name, **disparity_of_numbers(y, given, groups, config)}]
    if target.task == "binary":
        threshold = 0.5 if candidate.run.threshold is None else candidate.run.threshold
        decision = Decision(y == 1, given >= threshold, given)
        return [{"outcome": target.positive, **disparity_of_classes(decision, groups, config, seed)}]
    chosen = given.argmax(axis=1)
    return [
        {
            "outcome": label,
            **disparity_of_classes(Decision(y == place, chosen == place, given[:, place]), groups, config, seed),
        }
        for place, label in enumerate(target.classes)
    ]


def _judged(column: dict[str, Any], config: FairnessConfig) -> list[Judgement]:
    found = []
    for outcome in column["outcomes"]:
        for measure, difference in outcome["differences"].items():
            value, bound = difference["value"], getattr(config, measure)
            text = f"{WORDS[measure]} by {column['column']}"
            if len(column["outcomes"]) > 1:
                text += f", {outcome['outcome']}"
            if value is None:
                level: Level = "pass" if bound.warn is None and bound.fail is None else "warn"
                text += " cannot be judged"
            else:
                level = _level(value, bound)
                text += f" {value:.3f}"
                if difference["low"] is not None:
                    text += f" [{difference['low']:.3f}, {difference['high']:.3f}]"
            found.append(Judgement(column["column"], outcome["outcome"], measure, value, level, text))
    return found


def _level(value: float, bound: BoundConfig) -> Level:
    if bound.fail is not None and value > bound.fail:
        return "fail"
    return "warn" if bound.warn is not None and value > bound.warn else "pass"


def _said(judgements: list[Judgement], config: FairnessConfig) -> tuple[Level, str]:
    level = worst([judgement.level for judgement in judgements])
    unbounded = all(vars(getattr(config, measure)) == {"warn": None, "fail": None} for measure in WORDS)
    if unbounded:
        level = "warn"
    # the worst first: what stands above its bound, then what is largest
    told = [each for each in judgements if each.level == level] if level != "pass" and not unbounded else judgements
    told = sorted(told, key=lambda each: -(each.value or 0.0))[:4]
    reason = "; ".join(each.text for each in told)
    return level, f"{reason}; no bound is stated, see docs/gates.md" if unbounded else reason


def _figures(judgements: list[Judgement]) -> dict[str, float]:
    """The largest difference of each measure and column, over the outcomes."""
    found: dict[str, float] = {}
    for each in judgements:
        if each.value is not None:
            name = f"{each.column}_{each.measure}"
            found[name] = max(each.value, found.get(name, 0.0))
    return found
