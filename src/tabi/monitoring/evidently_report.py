"""The report of Evidently over a sample of the served rows and of the training snapshot's (extra `evidently`).

A second opinion by other tests, in its own form; our own page is what alarms rest on.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from tabi.contract import Contract
from tabi.errors import ConfigError, NotFoundError
from tabi.monitoring.domain import MOST
from tabi.monitoring.multivariate import reference_rows
from tabi.monitoring.question import Asked, Question
from tabi.monitoring.watched import Values, sample
from tabi.workspace import Workspace

if TYPE_CHECKING:
    from evidently import Dataset


def write_evidently(workspace: Workspace, asked: Asked, path: Path) -> None:
    """Write the page; `NotFoundError` where there are no rows, `ConfigError` where it cannot be made or written."""
    # looked for before the long work, and not imported: that takes seconds
    if find_spec("evidently") is None:
        raise ConfigError("Evidently is not installed: make init EXTRAS=[dev], or pip install 'tabi[evidently]'")
    with Question(workspace, asked, datetime.now(UTC)) as question:
        contract = question.bundle.contract()
        now = sample(question, contract, MOST)
        if not len(now.times):
            raise NotFoundError(f"{asked.name} has answered no row in this time: look further back with --since")
        reference = reference_rows(question, contract)
    with _quiet(DeprecationWarning):
        # its import, not its use, meets what numpy and litestar deprecate
        from evidently import Report
        from evidently.presets import DataDriftPreset
    with _quiet(RuntimeWarning):
        # it divides by nothing where a column is constant
        found = Report([DataDriftPreset()]).run(_data(now.columns, contract), _data(dict(reference), contract))
        text = found.get_html_str(as_iframe=False)
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot write {path} ({error.strerror}): name a file in a folder that is there") from error


def _data(columns: dict[str, Values], contract: Contract) -> Dataset:
    from evidently import DataDefinition, Dataset

    categories = [column.name for column in contract.categorical]
    numbers = [name for name in columns if name not in categories]
    frame = pd.DataFrame({name: columns[name] for name in (*numbers, *categories)})
    # a missing category is none of its own
    frame[categories] = frame[categories].replace("", None)
    definition = DataDefinition(numerical_columns=numbers, categorical_columns=categories)
    return Dataset.from_pandas(frame, data_definition=definition)


@contextmanager
def _quiet(category: type[Warning]) -> Iterator[None]:
    """One kind of warning is not shown: it is Evidently's own affair, and no user can mend it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category)
        yield
