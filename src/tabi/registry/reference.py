"""What a release keeps for watching the model: how its scores fell on the test set, and what a rare row is."""

from __future__ import annotations

import numpy as np

from tabi.bundle.reference import Reference
from tabi.bundle.session import Session
from tabi.compile import Compiled
from tabi.contract import Tensors
from tabi.contract.bins import Floats, score_bins
from tabi.contract.rarity import bound_of
from tabi.data import Table, tensors_of
from tabi.training.plan import cut_table
from tabi.training.runs import Run


def reference_document(table: Table, run: Run, compiled: Compiled) -> bytes:
    """`reports/reference.json` of a run over its table: the test rows' scores, and the bound of all rows' rarity."""
    rows = cut_table(table, run.config.split)
    contract = run.contract
    test = tensors_of(table.X.iloc[rows.test], contract)
    counts = score_bins(contract.target).count_rows(_scores(Session(compiled.model), test, contract.target.task))
    bound = bound_of(contract, tensors_of(table.X, contract))
    return Reference(tuple(int(count) for count in counts), bound).to_json()


def _scores(session: Session, test: Tensors, task: str) -> Floats:
    """The one number of each row whose distribution servers watch."""
    outputs = session.predict(test)
    return np.asarray(outputs.max(axis=1) if task == "multiclass" else outputs, dtype=np.float64)
