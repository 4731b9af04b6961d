"""The champion: the latest bundle of a model, which a candidate would replace."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

from tabi.bundle import Bundle
from tabi.bundle.session import Session
from tabi.bundle.signature import verify
from tabi.contract import Contract
from tabi.data import canonical_frame, tensors_of
from tabi.errors import TabiError
from tabi.project import ProjectConfig
from tabi.store import Store
from tabi.training.runs import config_of_run
from tabi.training.stages import Floats
from tabi.workspace import Workspace


@dataclass(frozen=True)
class Champion:
    """A released bundle that answers by its graph; no pipeline is opened.

    `config`: that of its run, None where the run is not tracked here any more.
    """

    bundle: Bundle
    config: ProjectConfig | None = field(default=None, repr=False)

    @cached_property
    def contract(self) -> Contract:
        """What a row was to it."""
        return self.bundle.contract()

    @cached_property
    def session(self) -> Session:
        """Its graph, loaded."""
        return Session(self.bundle.graph_bytes())

    @property
    def short(self) -> str:
        """As much of its id as a person reads."""
        return self.bundle.id[:12]

    def answers(self, rows: pd.DataFrame) -> Floats:
        """What it answers for rows in stored form."""
        return self.session.predict(tensors_of(canonical_frame(rows, self.contract), self.contract))


def find_champion(workspace: Workspace, name: str) -> Champion | None:
    """The bundle that servers answer with, None before the first release.

    Raises `StoreError` or `BundleError` where there is one and it is not whole, or not signed by whom it should be.
    """
    store = Store(workspace.models)
    pointer = store.latest(name)
    if pointer is None:
        return None
    bundle = verify(store.open_path(name, pointer.id))
    try:
        config = config_of_run(workspace, name, bundle.manifest.run)
    except (TabiError, OSError):
        config = None
    return Champion(bundle, config)
