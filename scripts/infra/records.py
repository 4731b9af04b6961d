"""Evidence of what was done with the layers, for the Definition of Done: applied, planned again, destroyed."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from scripts.infra.cycle import Cycle, CycleError
from scripts.infra.layers import ROOT, TERRAFORM
from tabi.evidence import Record, Verdict, append
from tabi.evidence.code import digest_of
from tabi.training.environment import Commit, commit_of
from tabi.workspace import Workspace

ENVIRONMENT = "dev"
# what a work of the cycle is called in evidence, and the name under which a layer's seconds of it are kept
WORKS = {"apply": "apply", "plan": "second plan", "destroy": "destroy"}


class Notes:
    """What is recorded was true when the work began: commit and code are looked at then."""

    def __init__(self) -> None:
        self._commit: Commit = commit_of(ROOT)
        self._code = digest_of(TERRAFORM)

    def passed(self, cycle: Cycle) -> None:
        """One record a work."""
        for work, step in WORKS.items():
            made = {result.layer: result.applied for result in cycle.results}
            gone = {result.layer: result.destroyed for result in cycle.results}
            layers = gone if work == "destroy" else made
            figures = {
                "resources": sum(layers.values()),
                "layers": layers,
                "seconds": round(sum(result.seconds[step] for result in cycle.results), 1),
                "versions": cycle.versions,
            }
            self._write(work, "pass", figures | ({"left": cycle.left} if work == "destroy" else {}))

    def failed(self, error: CycleError) -> None:
        """The work that failed, and nothing of those after it."""
        self._write(error.work, "fail", {"reason": error.reason})

    def _write(self, work: str, verdict: Verdict, figures: dict[str, Any]) -> None:
        inputs = {
            "git_commit": self._commit.sha,
            "git_dirty": str(self._commit.dirty).lower(),
            "code": self._code,
            "place": f"moto {version('moto')} instead of AWS",
        }
        record = Record(
            kind=f"infrastructure-{work}", subject=ENVIRONMENT, verdict=verdict, inputs=inputs, figures=figures
        )
        append(Workspace.find(ROOT).evidence, record)
