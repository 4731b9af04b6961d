"""What conditions look at: evidence, the current bundle, the commit; each read once."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tabi.bundle import Bundle, layout
from tabi.dod.condition import NotDoneError
from tabi.evidence import Placed, Record, read_placed
from tabi.store import Store
from tabi.training.environment import Commit, commit_of
from tabi.workspace import Workspace

if TYPE_CHECKING:
    from tabi.project import ProjectConfig
    from tabi.registry.audit import Verification
    from tabi.registry.lineage import Step

SHOWN = 12
"""Digits of a digest that a person reads."""


def anything(_: Record) -> bool:
    """Whether a record is wanted, where all are."""
    return True


def passed(record: Record) -> bool:
    """Whether a record says that it went well: where a later failure proves nothing against it."""
    return record.verdict == "pass"


class Facts:
    """A workspace and one of its projects, which may have no bundle yet. Nothing is changed, but that the
    audit trail, when it is verified, leaves an anchor of its last row.
    """

    def __init__(self, workspace: Workspace, name: str) -> None:
        self.workspace = workspace
        self.name = name

    @cached_property
    def records(self) -> list[Placed]:
        """All evidence, in the order in which it was written."""
        return list(read_placed(self.workspace.evidence))

    def last(self, kind: str, subject: str | None = None, wanted: Callable[[Record], bool] = anything) -> Placed | None:
        """The newest record of a kind, about a subject where one is given."""
        for placed in reversed(self.records):
            record = placed.record
            if record.kind == kind and subject in {None, record.subject} and wanted(record):
                return placed
        return None

    @cached_property
    def store(self) -> Store:
        """The store of bundles."""
        return Store(self.workspace.models)

    @cached_property
    def bundle(self) -> Bundle:
        """What servers answer with, every file of which was just compared with its digest.

        `NotDoneError` where there is none, `BundleError` or `StoreError` where it is not whole.
        """
        pointer = self.store.latest(self.name)
        if pointer is None:
            raise NotDoneError("missing", f"{self.name} has no bundle yet")
        return Bundle.open(self.store.open_path(self.name, pointer.id))

    @property
    def bundle_id(self) -> str:
        """The id of what servers answer with, though its files may be broken."""
        pointer = self.store.latest(self.name)
        if pointer is None:
            raise NotDoneError("missing", f"{self.name} has no bundle yet")
        return pointer.id

    def file(self, path: str) -> str:
        """Where a file of the current bundle lies, below the workspace."""
        return self.below(self.bundle.folder / path)

    def document(self, path: str) -> Any:
        """A JSON file of the current bundle; `NotDoneError` where it has none."""
        if not self.bundle.has(path):
            raise NotDoneError("missing", f"the bundle has no {path}")
        return json.loads(self.bundle.document(path))

    @cached_property
    def verdicts(self) -> dict[str, dict[str, Any]]:
        """What the gates said of the current bundle, by gate."""
        return {verdict["gate"]: verdict for verdict in self.document(layout.GATES)}

    @cached_property
    def lineage(self) -> dict[str, Step]:
        """The steps that the current bundle was made by, each looked for by its digest."""
        from tabi.registry.lineage import walk

        found = walk(self.workspace, f"{self.name}:{self.bundle.id}")
        return {step.what: step for step in found.bundle.parents}

    @cached_property
    def commit(self) -> Commit:
        """What is checked out of the repository that the workspace lies in."""
        return commit_of(self.workspace.root)

    @cached_property
    def config(self) -> ProjectConfig:
        """What the project says now."""
        from tabi.project import load_config

        return load_config(self.workspace, self.name)

    @cached_property
    def audit(self) -> Verification:
        """The audit trail, row by row."""
        from tabi.registry.audit import verify

        return verify(self.workspace)

    def place(self, placed: Placed) -> str:
        """Where a record stands, below the workspace."""
        return self.below(self.workspace.evidence / placed.place)

    def below(self, path: Path) -> str:
        """A path as it is shown: below the workspace where it is, in POSIX form."""
        root = self.workspace.root
        return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()
