"""What is known of both versions' answers from feedback: the newest `performance` record of `tabi monitor`.

It is read as evidence, for monitoring stands above this room. Without one since the
step began, nothing is known.
"""

from __future__ import annotations

from typing import Any

from tabi.deploy.canary.judge import Verdict
from tabi.evidence import read
from tabi.policy import Canary
from tabi.workspace import Workspace

KIND = "performance"
LOWER_IS_BETTER = frozenset({"rmse", "mae", "log_loss", "brier", "ece"})


def performance_gate(workspace: Workspace, policy: Canary) -> Verdict:
    """Worse where an interval of the challenger lies wholly on the worse side of the champion's."""
    found = [each for each in read(workspace.evidence, KIND) if each.subject == policy.name and each.at >= policy.at]
    if not found:
        return Verdict(KIND, False, "no feedback yet")
    by_version: dict[str, dict[str, Any]] = {
        group["version"]: group["measures"] for group in found[-1].figures.get("groups", ())
    }
    ours, theirs = by_version.get(policy.challenger.bundle, {}), by_version.get(policy.champion.bundle, {})
    both = sorted(ours.keys() & theirs.keys())
    worse = [name for name in both if _is_worse(name, ours[name], theirs[name])]
    said = ", ".join(
        f"{name} {ours[name]['value']:.4f} against {theirs[name]['value']:.4f}" for name in worse or both[:1]
    )
    return Verdict(KIND, bool(worse), said or "no labels of both versions yet")


def _is_worse(name: str, ours: dict[str, float | None], theirs: dict[str, float | None]) -> bool:
    low, high = ours["low"], ours["high"]
    other_low, other_high = theirs["low"], theirs["high"]
    if low is None or high is None or other_low is None or other_high is None:
        return False
    return low > other_high if name in LOWER_IS_BETTER else high < other_low
