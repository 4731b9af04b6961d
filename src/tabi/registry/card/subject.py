"""What a card is about, read once from a candidate and its reports."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tabi.bundle import layout
from tabi.bundle.lineage import Lineage
from tabi.contract import Contract, Target
from tabi.gates import Candidate, Verdict
from tabi.gates.bootstrap import Interval
from tabi.project.promises import CardConfig
from tabi.registry.card.intervals import metric_intervals
from tabi.training.runs import Run


@dataclass(frozen=True)
class Subject:
    """A candidate with its verdicts. `signer`: the fingerprint of the key that signs its bundle, if there is one."""

    candidate: Candidate
    verdicts: Sequence[Verdict]
    lineage: Lineage
    signer: str | None = None

    @property
    def run(self) -> Run:
        """The training."""
        return self.candidate.run

    @property
    def contract(self) -> Contract:
        """What a row is."""
        return self.candidate.contract

    @property
    def target(self) -> Target:
        """What is predicted."""
        return self.contract.target

    @property
    def words(self) -> CardConfig:
        """What people say of it."""
        return self.run.config.card

    @cached_property
    def measured(self) -> tuple[dict[str, Interval], int]:
        """Metrics with intervals, and over how many resamples."""
        candidate = self.candidate
        return metric_intervals(
            self.target.task, candidate.test.y, candidate.prediction, self.run.threshold, self.run.config.seed
        )

    def report(self, name: str) -> dict[str, Any]:
        """The figures of a report; empty where the run has none of this name."""
        path = self.candidate.folder / layout.REPORTS / f"{name}.json"
        found: dict[str, Any] = json.loads(path.read_bytes()) if path.is_file() else {}
        return found

    def picture(self, name: str, alt: str) -> str:
        """The Markdown of a report's picture; empty where there is none."""
        path = f"{layout.REPORTS}{name}.png"
        return f"![{alt}]({path})" if (self.candidate.folder / path).is_file() else ""
