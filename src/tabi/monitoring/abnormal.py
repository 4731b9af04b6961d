"""The section of abnormal rows: those that broke the contract, and those that are rare as a whole."""

from __future__ import annotations

from tabi.bundle.reference import reference_of
from tabi.monitoring.question import Question
from tabi.monitoring.section import Found, not_judged, too_few

TITLE = "abnormal rows"
KIND = "abnormal-input"
# a larger share of the rows is worth a warning
SHARE = 0.01
SURE = 0.001

_QUERY = """
SELECT fault[2] AS rule, fault[1] AS "column", count(DISTINCT (id, row)) AS rows
FROM (SELECT id, row, unnest(warnings) AS fault FROM predictions WHERE version = $version)
GROUP BY ALL ORDER BY rows DESC, rule, "column"
"""
_TOTAL = """
SELECT count(*), count(*) FILTER (WHERE len(warnings) > 0) FROM predictions WHERE version = $version
"""
SHOWN = 10


def look(question: Question) -> Found:
    """More abnormal rows than chance makes of usual ones, and more than one in a hundred, are worth a warning."""
    version = question.bundle.id
    rows, warned = question.tables.rows(_TOTAL, version=version)[0]
    if not rows:
        return not_judged(TITLE, too_few(0, 1), needed=1)
    by = [
        {"rule": rule, "column": column, "rows": count}
        for rule, column, count in question.tables.rows(_QUERY, version=version)
    ]
    rarity = reference_of(question.bundle, question.bundle.contract()).rarity
    expected = 0.0 if rarity is None else 1 - rarity.quantile
    much = warned / rows > SHARE and _sure(warned, rows, max(expected, SHARE))
    share = f"{warned} of {rows} rows ({warned / rows:.2%})"
    return Found(
        title=TITLE,
        verdict="warn" if much else "pass",
        reason=f"{share} were abnormal{'' if rarity else '; the bundle has no measure of rare rows'}",
        lines=[_line(each, rows) for each in by[:SHOWN]],
        figures={"rows": rows, "abnormal": warned, "expected_rare": expected, "rare": rarity is not None, "by": by},
        evidence=KIND,
    )


def _sure(count: int, rows: int, share: float) -> bool:
    """Whether so many of the rows are more than a share of them makes by chance: the exact binomial test."""
    from scipy.stats import binomtest

    return bool(binomtest(count, rows, share, alternative="greater").pvalue < SURE)


def _line(each: dict[str, object], rows: int) -> str:
    where = each["column"] or "the row as a whole"
    return f"{each['rule']}: {where}, {each['rows']} rows ({int(str(each['rows'])) / rows:.2%})"
