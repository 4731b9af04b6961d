"""What the gates are asked about: a run, its rows, its graph, and the champion that it would replace."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from tabi.bundle import layout
from tabi.bundle.session import Session
from tabi.compile import Parity
from tabi.contract import Contract
from tabi.data import Table, tensors_of
from tabi.gates.released import Champion
from tabi.project import GatesConfig
from tabi.training.plan import cut_table
from tabi.training.reports import Rows, Subject
from tabi.training.reports.pictures import save_json
from tabi.training.runs import Run
from tabi.training.split import Cut
from tabi.training.stages import Floats
from tabi.workspace import Workspace


@dataclass(frozen=True)
class Candidate:
    """A run that is to be released.

    `folder`: everything that its bundle will hold but the verdicts and the model card. `graph`: what would be served,
    by which it is judged. `champion`: the latest bundle of the model, None before the first, or where it cannot be
    opened: then `fault` says why.
    """

    workspace: Workspace
    run: Run
    table: Table = field(repr=False)
    graph: bytes = field(repr=False)
    parity: Parity
    folder: Path
    champion: Champion | None = None
    fault: str = ""

    @property
    def gates(self) -> GatesConfig:
        """The project's bounds."""
        return self.run.config.gates

    @property
    def contract(self) -> Contract:
        """What a row is."""
        return self.run.contract

    @cached_property
    def cut(self) -> Cut:
        """The training rows and the test rows, as they were for the training."""
        return cut_table(self.table, self.run.config.split)

    @cached_property
    def train(self) -> Rows:
        """The rows that the model learnt from."""
        return Rows(self.table.X.iloc[self.cut.train], self.table.y[self.cut.train])

    @cached_property
    def test(self) -> Rows:
        """The rows that it has not seen."""
        return Rows(self.table.X.iloc[self.cut.test], self.table.y[self.cut.test])

    @cached_property
    def session(self) -> Session:
        """The graph, loaded."""
        return Session(self.graph)

    @cached_property
    def prediction(self) -> Floats:
        """What the graph answers for the test rows."""
        return self.answers(self.test.X)

    @cached_property
    def subject(self) -> Subject:
        """The candidate as the reports of a training see it."""
        run = self.run
        return Subject(
            run.contract,
            run.pipeline,
            self.train,
            self.test,
            self.prediction,
            fit=_no_fit,
            threshold=run.threshold,
            chosen=run.config.threshold,
            seed=run.config.seed,
        )

    def answers(self, X: pd.DataFrame) -> Floats:
        """What the graph answers for rows of a canonical frame."""
        return self.session.predict(tensors_of(X, self.contract))

    def report(self, name: str, content: dict[str, Any]) -> str:
        """Write a gate's figures into the bundle, and return their path in it."""
        path = f"{layout.REPORTS}{name}.json"
        (self.folder / layout.REPORTS).mkdir(parents=True, exist_ok=True)
        save_json(self.folder / path, content)
        return path


def _no_fit(*_: object) -> None:
    """A gate judges what there is."""
    raise AssertionError("a gate fits nothing")
