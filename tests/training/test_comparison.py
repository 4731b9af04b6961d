"""Encodings and class weights side by side in one report."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from tabi.project import SearchConfig
from tabi.project.config import ClassWeight, Encoding, Select, Strategy
from tabi.training.comparison import write_comparisons
from tabi.training.fitting import fit_table


@dataclass
class Said:
    """Keeps what a training tells."""

    lines: list[str] = field(default_factory=list)

    def stage(self, text: str) -> None:
        self.lines.append(text)

    def step(self, done: int, total: int, best: float) -> None:
        """Nothing."""


def table_of(rows: Any, contract_of: Any) -> Any:
    X, y = rows
    return cast(Any, SimpleNamespace(contract=contract_of(X), X=X, y=y))


@pytest.mark.parametrize("strategy", [Strategy.random, Strategy.halving])
def test_each_value_is_told_with_its_best_candidate_of_the_last_rung_it_reached(
    strategy: Strategy, mixed_rows: Any, contract_of: Any, config_of: Any, tmp_path: Path
) -> None:
    space = {"C": [0.01, 1.0]}
    search = SearchConfig(strategy=strategy, candidates=99, folds=3, jobs=1, space=space, select=Select.best)
    config = config_of(preset="logistic", encoding=Encoding.search, class_weight=ClassWeight.search, search=search)
    said = Said()
    fitted = fit_table(table_of(mixed_rows(900), contract_of), config, said)
    assert [comparison.name for comparison in fitted.comparisons] == ["encodings", "class_weights"]
    for comparison in fitted.comparisons:
        values = {"encodings": {"onehot", "target", "hash"}, "class_weights": {"none", "balanced"}}[comparison.name]
        assert {c.value for c in comparison.values} == values
        assert comparison.winner in values
        for c in comparison.values:
            own = [s for s in fitted.search.table if str(s.params[comparison.key] or "none") == c.value]
            last = [s for s in own if s.n_resources == max(s.n_resources for s in own)]
            best = max(last, key=lambda s: s.mean)
            assert (c.mean, c.rows, c.cost_us) == (best.mean, best.n_resources, best.cost)
            assert c.standard_error == pytest.approx(np.std(best.scores, ddof=1) / np.sqrt(3))
        assert [c.rows for c in comparison.values] == sorted((c.rows for c in comparison.values), reverse=True)
        assert comparison.values[0].rows == 720
    widths = {c.value: c.columns for c in fitted.comparisons[0].values}
    assert widths == {"onehot": 2 + 2 + 3, "target": 4, "hash": 2 + 16 + 16}
    told = [line for line in said.lines if line.startswith(("encodings", "class_weights"))]
    assert told == [line for comparison in fitted.comparisons for line in comparison.lines()]
    write_comparisons(tmp_path, fitted.comparisons)
    kept = json.loads((tmp_path / "encodings.json").read_text(encoding="utf-8"))
    assert kept["winner"] == fitted.search.best["encoding"]
    assert [row["value"] for row in kept["values"]] == [c.value for c in fitted.comparisons[0].values]
    assert (tmp_path / "class_weights.json").exists()


def test_a_line_says_value_score_error_cost_columns_and_rows(mixed_rows: Any, contract_of: Any, config_of: Any) -> None:
    search = SearchConfig(strategy=Strategy.random, candidates=9, folds=2, jobs=1, space={"C": [1.0]})
    fitted = fit_table(
        table_of(mixed_rows(200), contract_of),
        config_of(preset="logistic", encoding=Encoding.search, search=search),
        Said(),
    )
    (comparison,) = fitted.comparisons
    winners = [line for line in comparison.lines() if line.endswith(", the winner's")]
    assert [line.split()[1] for line in winners] == [fitted.search.best["encoding"]]
    for line in comparison.lines():
        head, cost, columns, rows = line.removesuffix(", the winner's").split(", ")
        assert re.fullmatch(r"encodings: (onehot|target|hash) auc 0\.\d{4} ± 0\.\d{4}", head)
        assert re.fullmatch(r"0\.\d\d µs a row", cost)
        assert re.fullmatch(r"\d+ columns", columns)
        assert rows == "on 160 rows"


def test_without_a_search_over_them_nothing_is_compared(mixed_rows: Any, contract_of: Any, config_of: Any) -> None:
    search = SearchConfig(folds=2, jobs=1, space={"C": [1.0]})
    config = config_of(preset="logistic", encoding=Encoding.target, search=search)
    assert fit_table(table_of(mixed_rows(200), contract_of), config, Said()).comparisons == []
