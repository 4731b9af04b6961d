"""Units in the prediction log: which arm each was seen in first, and the sums over them that statistics rest on.

A unit belongs to the arm of its first row, whatever it was shown later, so that no arm can lose those who suffer from
it. A row is of an arm where it has the arm's name and was answered by its version. What is measured of a unit is all
of its rows from the first on, joined with their feedback.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tabi.experiments.design import Arm
from tabi.experiments.effect import BEFORE, COVARIATE, DENOMINATOR, NUMERATOR
from tabi.experiments.metric import LABEL, Metric
from tabi.policy.document import SHADOW

if TYPE_CHECKING:
    from tea_tasting.aggr import Aggregates

    from tabi.monitoring.tables import LogTables

DAY_S = 86_400.0

Daily = Mapping[str, Mapping[int, "Aggregates"]]
"""Sums by arm and by the day of a unit's first row, counted from the start; each of the units of that day alone."""

# `known`: what was known of a row in the time that counts
_TERMS = {
    "value": "coalesce(sum(outcome) FILTER (WHERE known), 0)",
    "feedback": "coalesce(max(known::INTEGER), 0)",
    "labelled": "count(*) FILTER (WHERE known AND target IS NOT NULL)",
    "correct": "count(*) FILTER (WHERE known AND target = label)",
    "predictions": "count(*)",
    "ms": "coalesce(sum(ms), 0)",
}

_SEEN = """
CREATE OR REPLACE TABLE seen AS
SELECT CASE WHEN unit = '' THEN id ELSE unit END AS unit, arm, version, time, label, ms, target, outcome, known_at
FROM joined WHERE time >= $since AND time <= $until AND arm <> $shadow
"""

_FIRST = """
CREATE OR REPLACE TABLE firsts AS
SELECT unit, arg_min(arm, time) AS arm, min(time) AS first, count(DISTINCT arm) AS arms
FROM seen WHERE time >= $start AND ($any OR list_contains($names, arm || ':' || version)) GROUP BY unit
"""


@dataclass(frozen=True)
class Span:
    """When to look, in seconds since 1970: units first seen from `start` on, and as it was known at `until`.

    `before`: where a covariate begins; `start` itself where there is none. `window`: seconds after its first row for
    which a unit is read, once they have passed; 0 reads all at any moment.
    """

    before: float
    start: float
    until: float
    window: float = 0.0


class Exposed:
    """The units of a log that was opened by `LogTables`, for some arms or, with None, for whatever there is."""

    def __init__(self, tables: LogTables, span: Span, arms: Sequence[Arm] | None, metrics: Sequence[Metric]) -> None:
        self._tables = tables
        self._span = span
        self._arms = None if arms is None else [arm.name for arm in arms]
        self._terms = list(dict.fromkeys(term for metric in metrics for term in metric.terms))
        _ = tables.joins
        # what a shadow answered nobody got
        tables.rows(_SEEN, since=span.before, until=span.until, shadow=SHADOW)
        tables.rows(
            _FIRST, start=span.start, any=arms is None, names=[f"{arm.name}:{arm.bundle}" for arm in arms or ()]
        )
        self._measure()

    @property
    def units(self) -> dict[str, int]:
        """Units by arm, whether they can be read yet or not."""
        found = dict(self._tables.rows("SELECT arm, count(*) FROM firsts GROUP BY arm"))
        return found if self._arms is None else {arm: found.get(arm, 0) for arm in self._arms}

    @property
    def arrived(self) -> list[list[int]]:
        """Of each day on which units were first seen, how many in each arm, in the arms' order."""
        rows = self._tables.rows(
            f"SELECT floor((first - $start) / {DAY_S})::INTEGER, arm, count(*) FROM firsts GROUP BY 1, 2 ORDER BY 1",  # noqa: S608
            start=self._span.start,
        )
        days: dict[int, dict[str, int]] = {}
        for day, arm, count in rows:
            days.setdefault(day, {})[arm] = count
        return [[found.get(arm, 0) for arm in self._arms or ()] for found in days.values()]

    @property
    def changed(self) -> int:
        """Units that were seen in more than one arm."""
        return int(self._tables.rows("SELECT count(*) FROM firsts WHERE arms > 1")[0][0])

    @property
    def with_feedback(self) -> int:
        """Rows of which something became known."""
        query = "SELECT count(*) FROM seen JOIN firsts USING (unit) WHERE time >= first AND known_at IS NOT NULL"
        return int(self._tables.rows(query)[0][0])

    @property
    def seconds(self) -> float:
        """From the first row to the last, of all units."""
        found = self._tables.rows("SELECT coalesce(max(time) - min(time), 0) FROM seen JOIN firsts USING (unit)")
        return float(found[0][0])

    def daily(self, metric: Metric) -> Daily:
        """The sums of a metric. With a covariate where any unit has one."""
        columns = self._columns(metric)
        pairs = [(a, b) for place, a in enumerate(columns) for b in list(columns)[place + 1 :]]
        wanted = [f"avg({column}), coalesce(var_samp({column}), 0)" for column in columns.values()]
        wanted += [f"coalesce(covar_samp({columns[a]}, {columns[b]}), 0)" for a, b in pairs]
        arm = "''" if self._arms is None else "arm"
        rows = self._tables.rows(
            f"SELECT {arm}, floor((first - $start) / {DAY_S})::INTEGER, count(*), {', '.join(wanted)} "  # noqa: S608
            "FROM units WHERE first + $window <= $until GROUP BY 1, 2 ORDER BY 1, 2",
            start=self._span.start,
            window=self._span.window,
            until=self._span.until,
        )
        found: dict[str, dict[int, Aggregates]] = {name: {} for name in self._arms or ("",)}
        for name, day, count, *numbers in rows:
            found[name][day] = _aggregates(count, list(columns), pairs, numbers)
        return found

    def _measure(self) -> None:
        """Make the table `units`: a column for each term, and one for each before the start."""
        span, labels = self._span, {f"l{place}": term for place, term in enumerate(self._terms)}
        after = self._expressions("t")
        self._tables.rows(
            f"CREATE OR REPLACE TABLE units AS SELECT unit, any_value(f.arm) AS arm, any_value(f.first) AS first, "  # noqa: S608
            f"{after} FROM (SELECT *, (target IS NOT NULL OR outcome IS NOT NULL) AND "
            "($window = 0 OR known_at <= first + $window) AS known FROM seen JOIN "
            "(SELECT unit, arm AS assigned, first FROM firsts) USING (unit) "
            "WHERE time >= first AND ($window = 0 OR time <= first + $window)) r "
            "JOIN firsts f USING (unit) GROUP BY unit",
            window=span.window,
            **self._labels(labels),
        )
        self._tables.rows(
            f"CREATE OR REPLACE TABLE earlier AS SELECT unit, {self._expressions('p')} FROM "  # noqa: S608
            "(SELECT *, (target IS NOT NULL OR outcome IS NOT NULL) AND known_at < $start AS known FROM seen "
            "WHERE time < $start) GROUP BY unit",
            start=span.start,
            **self._labels(labels),
        )
        self._tables.rows("CREATE OR REPLACE TABLE units AS SELECT * FROM units LEFT JOIN earlier USING (unit)")

    def _expressions(self, prefix: str) -> str:
        return ", ".join(
            f"({_TERMS.get(term, f'coalesce(max((known AND target = $l{place})::INTEGER), 0)')})::DOUBLE "
            f"AS {prefix}{place}"
            for place, term in enumerate(self._terms)
        )

    def _labels(self, names: Mapping[str, str]) -> dict[str, str]:
        return {name: term.removeprefix(LABEL) for name, term in names.items() if term.startswith(LABEL)}

    def _columns(self, metric: Metric) -> dict[str, str]:
        """Where each column of the sums stands in the table of units."""
        place = self._terms.index(metric.numerator)
        columns = {NUMERATOR: f"t{place}"}
        if metric.denominator is not None:
            columns[DENOMINATOR] = f"t{self._terms.index(metric.denominator)}"
        if self._tables.rows(f"SELECT count(p{place}) FROM units")[0][0]:  # noqa: S608
            columns[COVARIATE] = f"coalesce(p{place}, 0)"
            if metric.denominator is not None:
                columns[BEFORE] = f"coalesce(p{self._terms.index(metric.denominator)}, 0)"
        return columns


def _aggregates(
    count: int, names: Sequence[str], pairs: Sequence[tuple[str, str]], numbers: Sequence[Any]
) -> Aggregates:
    from tea_tasting.aggr import Aggregates

    means, variances = numbers[0 : 2 * len(names) : 2], numbers[1 : 2 * len(names) : 2]
    return Aggregates(
        count,
        dict(zip(names, means, strict=True)),
        dict(zip(names, variances, strict=True)),
        dict(zip(pairs, numbers[2 * len(names) :], strict=True)),
    )


def until(daily: Mapping[int, Aggregates], day: int | None = None) -> Aggregates | None:
    """The sums of all units of the days up to and with `day`, or of all days; None where there are none."""
    found: Aggregates | None = None
    for each, sums in daily.items():
        if day is None or each <= day:
            found = sums if found is None else found + sums
    return found
