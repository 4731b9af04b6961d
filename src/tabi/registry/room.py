"""What every operation of the registry works on: the workspace, its store and its state database."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Self

from tabi.bundle import Bundle
from tabi.bundle.trust import Trust
from tabi.errors import NotFoundError
from tabi.registry.audit import Transaction, transaction
from tabi.registry.versions import Version, versions_of
from tabi.state import Database
from tabi.store import Store
from tabi.workspace import Workspace


@dataclass(frozen=True)
class Room:
    """The places of one workspace. They are opened once, as opening the database takes longest."""

    workspace: Workspace
    store: Store
    database: Database

    @classmethod
    def open(cls, workspace: Workspace) -> Self:
        """The workspace's own; its database is made where there is none."""
        return cls(workspace, Store(workspace.models), Database.of(workspace))

    def versions(self, name: str) -> list[Version]:
        """The versions of a model; `NotFoundError` if there is none."""
        with self.database.reading() as connection:
            found = versions_of(connection, name)
        if not found:
            raise NotFoundError(f"{name} has no version: run `tabi release {name}` first")
        return found

    def bundle(self, version: Version) -> Bundle:
        """The version's bundle, whole, and signed by a key that is trusted here if any is."""
        return Bundle.open(self.store.open_path(version.name, version.bundle), Trust.from_environment())

    def transaction(self) -> AbstractContextManager[Transaction]:
        """One writer at a time; states and audit trail change together, or not at all."""
        return transaction(self.workspace, self.database)
