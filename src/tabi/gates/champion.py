"""A candidate must not be worse than the champion: on the champion's own test rows, and on its own.

Both answer the same rows, and the difference of their scores gets its interval by a paired bootstrap. Rows that one of
them has learnt from are left out: they would flatter it. The champion answers by its graph.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from tabi.contract import Contract
from tabi.data import LabelledRows, canonical_frame, encode_target, labelled_rows, table_of
from tabi.data.sample import hashes_of
from tabi.errors import TabiError
from tabi.gates.bootstrap import Interval, difference_of, scorer_of
from tabi.gates.candidate import Candidate
from tabi.gates.released import Champion
from tabi.gates.verdict import Level, Verdict, worst
from tabi.project import ProjectConfig
from tabi.training.plan import cut_table
from tabi.training.split import Cut
from tabi.training.tasks import TASKS

# fewer rows tell nothing of two models
LEAST_ROWS = 30
GATE, REPORT = "champion", "champion"


class Split(NamedTuple):
    """Labelled rows in stored form, and which of them were learnt from and which were kept for the test."""

    rows: LabelledRows
    cut: Cut


class Compared(NamedTuple):
    """Both models on the test rows of one of them. `left_out`: rows that the other one has learnt from."""

    where: str
    rows: int
    left_out: int
    candidate: float
    champion: float
    difference: Interval


def champion_gate(candidate: Candidate) -> Verdict:
    """Fail where the candidate is certainly worse by more than `gates.champion.tolerance`, warn where it seems so."""
    if candidate.fault:
        return Verdict(GATE, "warn", {}, f"the champion cannot be compared with: {candidate.fault}")
    champion = candidate.champion
    if champion is None:
        return Verdict(GATE, "skipped", {}, "there is no champion yet: this is the first release")
    if champion.bundle.manifest.run == candidate.run.run_id:
        return Verdict(GATE, "pass", {}, f"the champion {champion.short} is of this very run")
    obstacle = _obstacle(candidate.contract, champion.contract)
    if obstacle:
        return Verdict(GATE, "warn", {}, f"not comparable with the champion {champion.short}: {obstacle}")
    compared, untold = _compared(candidate, champion)
    return _verdict(candidate, champion, compared, untold)


def _obstacle(ours: Contract, theirs: Contract) -> str:
    """Why two models cannot answer the same question."""
    target, other = ours.target, theirs.target
    if (target.name, target.task) != (other.name, other.task):
        return f"it predicts {other.name!r} ({other.task}), this one {target.name!r} ({target.task})"
    return "" if target.classes == other.classes else "its target has other classes"


def _compared(candidate: Candidate, champion: Champion) -> tuple[list[Compared], list[str]]:
    """The comparisons that can be made, and why others cannot."""
    config, digest = candidate.run.config, candidate.run.snapshot_digest
    mine = Split(labelled_rows(candidate.workspace, config, digest), candidate.cut)
    theirs = _split_of_champion(candidate, champion, mine)
    if isinstance(theirs, str):
        return [], [theirs]
    found: list[Compared] = []
    untold: list[str] = []
    same = _same_test(mine, theirs)
    for where, asked, other in (("its own test rows", mine, theirs), ("the champion's test rows", theirs, mine)):
        if same and asked is theirs:
            continue
        lacking = _lacking(asked.rows, candidate.contract, champion.contract)
        if lacking:
            untold.append(f"{where} lack {lacking}, which one of the two reads")
            continue
        each = _on(where if not same else "the same test rows", candidate, champion, asked, None if same else other)
        if isinstance(each, str):
            untold.append(each)
        else:
            found.append(each)
    return found, untold


def _split_of_champion(candidate: Candidate, champion: Champion, mine: Split) -> Split | str:
    """The rows that the champion was made from, cut as they were then, or why they cannot be had."""
    config: ProjectConfig | None = champion.config
    if config is None:
        return "its run is not tracked here, so nobody knows which rows it learnt from"
    digest = champion.bundle.manifest.snapshot
    if digest == candidate.run.snapshot_digest and config.sample == candidate.run.config.sample:
        rows = LabelledRows(mine.rows.snapshot, champion.contract, mine.rows.frame, mine.rows.unlabelled)
    else:
        try:
            rows = labelled_rows(candidate.workspace, config, digest)
        except TabiError:
            return f"its snapshot {digest[:12]} is not here, so nobody knows which rows it learnt from"
    return Split(rows, cut_table(table_of(rows, config), config.split))


def _same_test(mine: Split, theirs: Split) -> bool:
    return mine.rows.snapshot.digest == theirs.rows.snapshot.digest and np.array_equal(mine.cut.test, theirs.cut.test)


def _lacking(rows: LabelledRows, *contracts: Contract) -> str:
    """The columns that a contract has and the rows have not."""
    names = {column.name for contract in contracts for column in contract.columns} - set(rows.frame.columns)
    return ", ".join(repr(name) for name in sorted(names)[:5])


def _on(where: str, candidate: Candidate, champion: Champion, asked: Split, other: Split | None) -> Compared | str:
    """Both on the test rows of `asked`, without those that `other` says were learnt from."""
    places = asked.cut.test
    if other is not None:
        places = places[~_learnt(asked.rows.frame.iloc[places], other)]
    if len(places) < LEAST_ROWS:
        return f"{where}: {len(places)} are left that neither has learnt from, fewer than {LEAST_ROWS}"
    frame = asked.rows.frame.iloc[places].reset_index(drop=True)
    y = encode_target(frame, candidate.contract)
    task, gates = candidate.contract.target.task, candidate.gates.champion
    if TASKS[task].classified and len(np.unique(y)) < max(len(candidate.contract.target.classes), 2):
        return f"{where}: a class has no row among the {len(places)} that are left"
    ours = scorer_of(task, y, candidate.answers(canonical_frame(frame, candidate.contract)))
    theirs = scorer_of(task, y, champion.answers(frame))
    seed = candidate.run.config.seed
    single = np.ones((1, len(y)))
    return Compared(
        where,
        len(places),
        len(asked.cut.test) - len(places),
        float(ours(single)[0]),
        float(theirs(single)[0]),
        difference_of(ours, theirs, len(y), gates.resamples, seed, gates.confidence),
    )


def _learnt(rows: pd.DataFrame, other: Split) -> npt.NDArray[np.bool_]:
    """Which rows are equal, in all columns that both have, to one that the other model learnt from."""
    names = sorted(set(rows.columns) & set(other.rows.frame.columns))
    known = hashes_of(other.rows.frame.iloc[other.cut.train][names])
    return np.isin(hashes_of(rows[names]), known)


def _verdict(candidate: Candidate, champion: Champion, compared: list[Compared], untold: list[str]) -> Verdict:
    tolerance = candidate.gates.champion.tolerance
    score = TASKS[candidate.contract.target.task].score_name
    levels: list[Level] = ["warn"] if untold else []
    figures: dict[str, float] = {"tolerance": tolerance}
    told = []
    for each in compared:
        difference = each.difference
        levels.append("fail" if difference.high < -tolerance else "warn" if difference.value < -tolerance else "pass")
        name = "champion_rows" if each.where == "the champion's test rows" else "own_rows"
        figures |= {
            f"{name}_{key}": value
            for key, value in {"difference": difference.value, "low": difference.low, "high": difference.high}.items()
        }
        told.append(
            f"{score} {each.candidate:.4f} against {each.champion:.4f} on {each.where} ({each.rows:,}), "
            f"{difference.value:+.4f} [{difference.low:+.4f}, {difference.high:+.4f}]"
        )
    level = worst(levels)
    advice = "" if level == "pass" else ": train again, or state gates.champion.tolerance" if compared else ""
    content: dict[str, Any] = {
        "champion": champion.bundle.id,
        "score": score,
        "tolerance": tolerance,
        "confidence": candidate.gates.champion.confidence,
        "resamples": candidate.gates.champion.resamples,
        "comparisons": [{**each._asdict(), "difference": each.difference._asdict()} for each in compared],
        "not_compared": untold,
    }
    reason = f"against {champion.short}: {'; '.join([*told, *untold])}{advice}"
    return Verdict(GATE, level, figures, reason, candidate.report(REPORT, content))
