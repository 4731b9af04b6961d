"""What `tabi monitor` was asked, and what every section looks at; each is read once."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Self

from tabi.bundle import Bundle
from tabi.errors import ConfigError, NotFoundError
from tabi.project import MonitorConfig, ProjectConfig, load_config, project_names
from tabi.store import Store
from tabi.workspace import Workspace

if TYPE_CHECKING:
    from tabi.monitoring.tables import LogTables


@dataclass(frozen=True)
class Asked:
    """`since`: how far back to look. `window`: the length of the pieces that are shown apart; None shows the whole.

    `by`: the column whose values are shown apart.
    """

    name: str
    since: timedelta
    window: timedelta | None = None
    by: str | None = None


class Question:
    """What was asked of a model at one moment. A context: what it opened is closed with it."""

    def __init__(self, workspace: Workspace, asked: Asked, until: datetime) -> None:
        self.workspace = workspace
        self.asked = asked
        self.name = asked.name
        self.until = until
        self.begin = until - asked.since
        self._open = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._open.close()

    @cached_property
    def store(self) -> Store:
        """The store of bundles."""
        return Store(self.workspace.models)

    @cached_property
    def bundle(self) -> Bundle:
        """What servers answer with now; `NotFoundError` where there is none."""
        if self.store.latest(self.name) is None:
            raise NotFoundError(f"{self.name} has no bundle yet: release it with tabi release {self.name}")
        return Bundle.open(self.store.resolve(self.name))

    @cached_property
    def config(self) -> ProjectConfig | None:
        """What the project says now; None where only its bundles are here."""
        if self.name not in project_names(self.workspace):
            return None
        return load_config(self.workspace, self.name)

    @property
    def bounds(self) -> MonitorConfig:
        """What the project asks of its model in use."""
        return MonitorConfig() if self.config is None else self.config.monitor

    @property
    def hidden(self) -> frozenset[str]:
        """Columns of which the log does not have every value of the version that answers now."""
        return self._masked("hn")

    @property
    def left_out(self) -> frozenset[str]:
        """Those of them of which it does not even have a hash for each value."""
        return self._masked("n")

    def refuse_hidden(self, by: str) -> None:
        """`ConfigError` for a column whose values cannot be shown apart, since the log has not enough of them."""
        numeric = {column.name for column in self.bundle.contract().numeric}
        if by in self.left_out or by in self.hidden & numeric:
            raise ConfigError(f"--by {by!r}: the log does not hold this column as it is; see log.inputs of the project")

    def _masked(self, letters: str) -> frozenset[str]:
        columns = self.bundle.contract().columns
        return frozenset(
            column.name
            for place, column in enumerate(columns)
            if any(mask[place : place + 1] in letters for mask in self._masks)
        )

    @cached_property
    def _masks(self) -> list[str]:
        query = "SELECT DISTINCT masked FROM predictions WHERE version = $version AND masked <> ''"
        return [mask for (mask,) in self.tables.rows(query, version=self.bundle.id)]

    @cached_property
    def tables(self) -> LogTables:
        """The prediction log and its feedback."""
        from tabi.monitoring.tables import LogTables

        return self._open.enter_context(LogTables(self.workspace.predictions, self.name, self.begin, self.until))
