"""Recording rules: drift of each column and of the score, computed by Prometheus from the servers' counters.

The same figures as `drift.py` and `significance.py` compute from the log, summed over workers and replicas. Nothing
here knows a model: the rules hold for every model whose servers are scraped.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from tabi.monitoring.drift import HALF_A_ROW

WINDOWS = ("1h", "6h", "24h")
PSI_FLOOR = 0.1
MINIMUM_ROWS = 100
ALPHA = 0.01
_TINY = "1e-300"

Rule = dict[str, str]


class Family(NamedTuple):
    """What is counted into bins: its metrics, the labels of one distribution, and what the rules' names begin with."""

    bins: str
    ratio: str
    rows: str
    labels: tuple[str, ...]
    stem: str

    def series(self, what: str, window: str = "") -> str:
        """The name of a recorded series, as `level:metric:operation`."""
        level = "column" if "column" in self.labels else "version"
        return f"{level}:{self.stem}_{what}:{window or 'now'}"


FEATURE = Family(
    "tabi_feature_bins_total",
    "tabi_feature_reference_ratio",
    "tabi_feature_reference_rows",
    ("model", "version", "column"),
    "tabi_feature",
)
SCORE = Family(
    "tabi_score_bins_total",
    "tabi_score_reference_ratio",
    "tabi_score_reference_rows",
    ("model", "version"),
    "tabi_score",
)


def recording_rules(
    windows: Sequence[str] = WINDOWS, *, alpha: float = ALPHA, keep: Sequence[str] = (), interval: str = "1m"
) -> dict[str, Any]:
    """A rule file for Prometheus as its YAML has it.

    `windows`: durations that slide, such as 1h. `alpha`: the share of clean windows that may pass their bound, over all
    columns. `keep`: labels of the scrape by which replicas are told apart rather than summed, such as an environment.
    """
    groups = [{"name": "tabi-drift-reference", "interval": interval, "rules": _reference(alpha, keep)}]
    groups += [
        {"name": f"tabi-drift-{window}", "interval": interval, "rules": _window(window, keep)} for window in windows
    ]
    return {"groups": groups}


def rules_yaml(
    windows: Sequence[str] = WINDOWS, *, alpha: float = ALPHA, keep: Sequence[str] = (), interval: str = "1m"
) -> str:
    """`recording_rules` as the text of a file."""
    import yaml

    return yaml.safe_dump(
        recording_rules(windows, alpha=alpha, keep=keep, interval=interval), sort_keys=False, width=118
    )


def drifted(family: Family, window: str, floor: float = PSI_FLOOR, minimum_rows: int = MINIMUM_ROWS) -> str:
    """The expression of an alert: more than chance, more than `floor`, and in `minimum_rows` rows or more."""
    found = family.series("psi", window)
    return (
        f"{found} > {family.series('psi_bound', window)} and {found} > {floor:g}"
        f" and {family.series('rows', window)} >= {minimum_rows}"
    )


def _reference(alpha: float, keep: Sequence[str]) -> list[Rule]:
    """What does not depend on the window: shares, bins, rows, and the quantile of chi-squared."""
    rules = []
    for family in (FEATURE, SCORE):
        by = _by(family, keep)
        most = f"max by ({by}, bin) ({family.ratio})"
        ratio, one = family.series("reference_ratio"), _on(family, keep)
        # a reference without rows is none
        rules += [
            _rule(ratio, f"{most} / {one} (sum by ({by}) ({most}) > 0)"),
            _rule(family.series("bins"), f"count by ({by}) ({ratio})"),
            _rule(family.series("freedom"), f"clamp_min(count by ({by}) ({ratio} > 0) - 1, 1)"),
        ]
    version = ", ".join((*SCORE.labels, *keep))
    # the score is one more
    rules += [
        _rule("version:tabi_drift_tests:now", f"count by ({version}) ({FEATURE.series('bins')}) + 1"),
        _rule("version:tabi_drift_tail:now", f"sqrt(-2 * ln({alpha:g} / version:tabi_drift_tests:now))"),
        _rule("version:tabi_drift_normal:now", _normal_quantile("version:tabi_drift_tail:now")),
    ]
    for family in (FEATURE, SCORE):
        rules.append(_rule(family.series("chi2"), _chi2_quantile(family, version)))
    return rules


def _window(window: str, keep: Sequence[str]) -> list[Rule]:
    return [rule for family in (FEATURE, SCORE) for rule in _of_family(family, window, keep)]


def _of_family(family: Family, window: str, keep: Sequence[str]) -> list[Rule]:
    by, one = _by(family, keep), _on(family, keep)
    ratio, bins = family.series("reference_ratio"), family.series("bins")
    seen, rows, expected = (family.series(what, window) for what in ("seen", "rows", "expected"))
    now = family.series("ratio", window)
    pair = f"on ({by}, bin)"
    half = f"{HALF_A_ROW:g}"
    summed = f"sum by ({by}) (({seen} - {pair} {expected}) * ln(({seen} + {half}) / {pair} ({expected} + {half})))"
    version = ", ".join((*SCORE.labels, *keep))
    of_reference = f"max by ({version}) ({family.rows})"
    return [
        _rule(seen, f"sum by ({by}, bin) (increase({family.bins}[{window}]))"),
        _rule(rows, f"sum by ({by}) ({seen}) > 0"),
        _rule(expected, f"{ratio} * {one} {rows}"),
        _rule(family.series("psi", window), f"{summed} / on ({by}) ({rows} + on ({by}) {half} * {bins})"),
        _rule(now, f"{seen} / {one} {rows}"),
        _rule(family.series("js", window), _jensen_shannon(now, ratio, by)),
        _rule(
            family.series("psi_bound", window),
            f"{family.series('chi2')} * on ({by}) (1 / {rows} + on ({version}) group_left () 1 / {of_reference})"
            # the heavier tail of small windows, see `psi_bound`
            f" * on ({by}) (1 + ({family.series('freedom')} + 1) / on ({by}) {rows})",
        ),
    ]


def _jensen_shannon(now: str, ratio: str, by: str) -> str:
    """In bits. A bin without rows adds nothing: 0 times a finite logarithm."""
    pair = f"on ({by}, bin)"
    middle = f"clamp_min(({ratio} + {pair} {now}) / 2, {_TINY})"

    def bits(share: str) -> str:
        return f"{share} * {pair} log2(clamp_min({share}, {_TINY}) / {pair} {middle})"

    return f"clamp_min(sum by ({by}) ({bits(ratio)} + {pair} {bits(now)}) / 2, 0)"


def _normal_quantile(tail: str) -> str:
    """The normal quantile from t = sqrt(-2 ln p), to 4.5e-4: Abramowitz and Stegun 1964, 26.2.23."""
    above = f"2.515517 + 0.802853 * {tail} + 0.010328 * {tail} ^ 2"
    below = f"1 + 1.432788 * {tail} + 0.189269 * {tail} ^ 2 + 0.001308 * {tail} ^ 3"
    return f"{tail} - ({above}) / ({below})"


def _chi2_quantile(family: Family, version: str) -> str:
    """The quantile of chi-squared from the normal one, to a few percent: Wilson and Hilferty 1931."""
    freedom = family.series("freedom")
    spread = f"sqrt(2 / (9 * {freedom})) * on ({version}) group_left () version:tabi_drift_normal:now"
    return f"{freedom} * (1 - 2 / (9 * {freedom}) + {spread}) ^ 3"


def _by(family: Family, keep: Sequence[str]) -> str:
    return ", ".join((*family.labels, *keep))


def _on(family: Family, keep: Sequence[str]) -> str:
    """Many bins against one figure of their distribution."""
    return f"on ({_by(family, keep)}) group_left ()"


def _rule(record: str, expr: str) -> Rule:
    return {"record": record, "expr": expr}
