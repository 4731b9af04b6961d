"""The rules by which rows are cut into training and test rows and into folds: at random, by time, by group."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import (
    BaseCrossValidator,
    GroupKFold,
    PredefinedSplit,
    StratifiedGroupKFold,
    StratifiedKFold,
    TimeSeriesSplit,
)

from tabi.errors import ConfigError, DataError
from tabi.project import SplitConfig
from tabi.project.config import SplitKind
from tabi.training.split import Cut, Folds, Labels, cut, plain_folds, rarest_count, stratified_folds

# whole groups are dealt into at most so many parts, of which some are the test set
PARTS_AT_MOST = 20


@dataclass(frozen=True)
class Keyed:
    """Rows as a rule sees them: the target, whether it is of classes, and what rows are ordered or grouped by.

    `by`: int64[N], equal where the values of the split's column are equal, and ascending with them.
    """

    y: Labels
    classified: bool
    by: npt.NDArray[np.int64] | None = None

    @property
    def keys(self) -> npt.NDArray[np.int64]:
        """`by` of rows that have it."""
        assert self.by is not None  # noqa: S101  `plan_of` refuses such a split without a column
        return self.by


class Rule(ABC):
    """How rows are cut. The same rule cuts the test set and the folds."""

    @abstractmethod
    def cut(self, rows: Keyed, config: SplitConfig) -> Cut:
        """The training rows and the test rows."""

    @abstractmethod
    def folds(self, rows: Keyed, count: int, seed: int) -> Folds:
        """The training rows and the validation rows of each fold."""

    def parts(self, folds: int) -> int:
        """Into how many parts so many folds cut the rows."""
        return folds

    def calibrator(self, rows: Keyed, folds: int, seed: int) -> BaseCrossValidator:
        """The folds in which probabilities are calibrated."""
        held_out = np.empty(len(rows.y), dtype=np.int64)
        for fold, (_, valid) in enumerate(self.folds(rows, folds, seed)):
            held_out[valid] = fold
        return PredefinedSplit(held_out)


class AtRandom(Rule):
    """Any row may be on either side; classes keep their proportions."""

    def cut(self, rows: Keyed, config: SplitConfig) -> Cut:
        """As `tabi.training.split.cut`."""
        return cut(rows.y, config, classified=rows.classified)

    def folds(self, rows: Keyed, count: int, seed: int) -> Folds:
        """Shuffled folds."""
        return stratified_folds(rows.y, count, seed) if rows.classified else plain_folds(len(rows.y), count, seed)

    def calibrator(self, rows: Keyed, folds: int, seed: int) -> BaseCrossValidator:  # noqa: ARG002
        """Shuffled folds that keep the proportions."""
        return StratifiedKFold(folds, shuffle=True, random_state=seed)


class ByTime(Rule):
    """Every training row is earlier than every row that is predicted; rows of one time stay on one side."""

    def cut(self, rows: Keyed, config: SplitConfig) -> Cut:
        """The test rows are the later share, with all rows of the time at which it begins."""
        order = np.argsort(rows.keys, kind="stable")
        begins = rows.keys[order][len(order) - max(1, round(len(order) * config.test_size))]
        late = rows.keys[order] >= begins
        found = Cut(order[~late], order[late])
        if not len(found.train):
            raise DataError(f"{_column(config)} has one time only before the test rows begin: use split.kind=random")
        _refuse_missing_classes(rows, found.train, found.test, f"the test rows, cut by time from {_column(config)},")
        return found

    def folds(self, rows: Keyed, count: int, seed: int) -> Folds:  # noqa: ARG002
        """scikit-learn's TimeSeriesSplit over the rows in order; the earliest rows are in no validation part."""
        if len(rows.y) <= count:
            raise DataError(f"{len(rows.y)} rows are too few for {count} folds in time: use fewer folds")
        order = np.argsort(rows.keys, kind="stable")
        found = []
        for number, (train, valid) in enumerate(TimeSeriesSplit(count).split(order)):
            earlier = train[rows.keys[order[train]] < rows.keys[order[valid[0]]]]
            if not len(earlier):
                raise DataError(
                    f"fold {number} in time has no earlier row: too many rows share one time; use fewer folds"
                )
            _refuse_missing_classes(rows, order[earlier], order[valid], f"fold {number} in time")
            found.append((order[earlier], order[valid]))
        return found

    def parts(self, folds: int) -> int:
        """One more: the first is only ever learnt from."""
        return folds + 1

    def calibrator(self, rows: Keyed, folds: int, seed: int) -> BaseCrossValidator:  # noqa: ARG002
        """None: the earliest rows have no prediction by a model of earlier ones."""
        raise ConfigError("calibration.method: rows split by time cannot be calibrated; leave it at none")


class ByGroup(Rule):
    """No group is on both sides."""

    def cut(self, rows: Keyed, config: SplitConfig) -> Cut:
        """Groups are dealt into parts as for folds, and some of the parts are the test rows."""
        parts = min(PARTS_AT_MOST, int(rows.keys.max()) + 1, rarest_count(rows.y) if rows.classified else len(rows.y))
        if parts < 2:
            what = "one group" if not rows.keys.max() else "one row of the rarest class"
            raise DataError(f"{what} only cannot be on both sides of a test cut: use split.kind=random or more rows")
        nearest = Fraction(config.test_size).limit_denominator(parts).denominator
        dealt = nearest if nearest > 1 else parts
        taken = min(max(round(config.test_size * dealt), 1), dealt - 1)
        test = np.concatenate([valid for _, valid in _dealt(rows, dealt, config.seed)[:taken]])
        train = np.setdiff1d(np.arange(len(rows.y)), test)
        _refuse_missing_classes(rows, train, test, f"the test rows, whole groups of {_column(config)},")
        return Cut(train, np.sort(test))

    def folds(self, rows: Keyed, count: int, seed: int) -> Folds:
        """scikit-learn's StratifiedGroupKFold, or GroupKFold where there are no classes, shuffled."""
        groups, rarest = len(np.unique(rows.keys)), rarest_count(rows.y) if rows.classified else count
        if min(groups, rarest) < count:
            raise DataError(
                f"{groups} groups{f', {rarest} rows of the rarest class,' if rows.classified else ''} are too few for "
                f"{count} folds: bring more or use fewer folds"
            )
        found = _dealt(rows, count, seed)
        for number, (train, valid) in enumerate(found):
            _refuse_missing_classes(rows, train, valid, f"fold {number} of groups")
        return found


def _dealt(rows: Keyed, parts: int, seed: int) -> Folds:
    kind = StratifiedGroupKFold if rows.classified else GroupKFold
    return list(kind(parts, shuffle=True, random_state=seed).split(np.zeros(len(rows.y)), rows.y, rows.keys))


def _refuse_missing_classes(rows: Keyed, train: npt.NDArray[np.int64], valid: npt.NDArray[np.int64], what: str) -> None:
    """`DataError` where one side lacks a class of the rows: nothing could be learnt or scored."""
    if not rows.classified:
        return
    classes = len(np.unique(rows.y))
    for side, chosen in (("training", train), ("held-out", valid)):
        found = len(np.unique(rows.y[chosen]))
        if found < classes:
            raise DataError(
                f"{what} leave {found} of {classes} classes among the {side} rows: use fewer folds, "
                "another split.test_size or split.kind=random, or bring more rows"
            )


def _column(config: SplitConfig) -> str:
    return f"split.column {config.column!r}"


RULES: dict[SplitKind, Rule] = {
    SplitKind.random: AtRandom(),
    SplitKind.time: ByTime(),
    SplitKind.group: ByGroup(),
}
