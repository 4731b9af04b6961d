"""The section of columns together: served rows against rows of the training snapshot, by a classifier."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np

from tabi.contract import Contract, Tensors
from tabi.errors import TabiError
from tabi.monitoring.domain import LEAST, MOST, Domains, compare_domains
from tabi.monitoring.question import Question
from tabi.monitoring.section import Found, not_judged, too_few
from tabi.monitoring.watched import Values, sample

TITLE = "drift of columns together"
_SEED = 42


def look(question: Question) -> Found:
    """Rows that can be told from those of training are worth a warning."""
    contract = question.bundle.contract()
    now = sample(question, contract, MOST)
    if len(now.times) < LEAST:
        return not_judged(TITLE, too_few(len(now.times), LEAST), needed=LEAST)
    try:
        reference = reference_rows(question, contract)
    except TabiError as error:
        return not_judged(TITLE, f"the rows of training are not here: {error}")
    found = compare_domains(reference, now.columns)
    if found is None:
        return not_judged(TITLE, f"the training snapshot has fewer than {LEAST} rows")
    return Found(
        title=TITLE,
        verdict="warn" if found.drifted else "pass",
        reason=_reason(found),
        lines=[f"{name}: {gain:.3f} of the area" for name, gain in found.columns.items()] if found.drifted else [],
        figures=msgspec.to_builtins(found),
    )


def _reason(found: Domains) -> str:
    area = f"AUC {found.auc:.3f} [{found.low:.3f}, {found.high:.3f}]"
    if not found.drifted:
        return f"a classifier does not tell served rows from those of training, {area}"
    told = f" by {', '.join(found.columns)}" if found.columns else ""
    return f"a classifier tells served rows from those of training{told}, {area}"


def reference_rows(question: Question, contract: Contract) -> Mapping[str, Values]:
    """At most `MOST` rows of the snapshot that the bundle was made from, each as likely as another.

    The snapshot is read in batches. `NotFoundError` where it is not here, `StoreError` where it was changed.
    """
    from tabi.data import canonical_frame, open_snapshot, tensors_of
    from tabi.data.sample import some_of

    _, stored = open_snapshot(question.workspace, question.name, question.bundle.manifest.snapshot)
    frame = canonical_frame(some_of(stored, MOST, _SEED), contract)
    return columns_of(tensors_of(frame, contract), contract)


def columns_of(tensors: Tensors, contract: Contract) -> dict[str, Values]:
    """Rows as the graph takes them, by column; of a free text its length."""
    columns: dict[str, Values] = {c.name: tensors.numeric[:, i] for i, c in enumerate(contract.numeric)}
    columns |= {c.name: tensors.categorical[:, i].tolist() for i, c in enumerate(contract.categorical)}
    for place, text in enumerate(contract.text, len(contract.categorical)):
        lengths = np.array([len(value) or np.nan for value in tensors.categorical[:, place]], dtype=np.float64)
        columns[text.name] = lengths
    return columns
