"""What a release adds where the project says `explain: true`: `explanation.json`, proved on the run's test rows."""

from __future__ import annotations

from tabi.compile import Compiled
from tabi.data import Table, tensors_of
from tabi.training.plan import cut_table
from tabi.training.runs import Run


def explanation_document(table: Table, run: Run, compiled: Compiled) -> bytes:
    """`explanation.json` of a run over its table; `ExplanationError` says what has no exact explanation."""
    from tabi.compile.explanation import explanation_of

    rows = cut_table(table, run.config.split)
    test = tensors_of(table.X.iloc[rows.test], run.contract)
    return explanation_of(run.pipeline, compiled, run.contract, table.X.iloc[rows.train], test, run.config.seed)
