"""Layer 0: infrastructure."""

from __future__ import annotations

from pathlib import Path

from tabi.dod.condition import Found, NotDoneError, condition
from tabi.dod.facts import Facts
from tabi.dod.rules import done, found_as, needed
from tabi.evidence import Placed
from tabi.evidence.code import digest_of

CODE = Path("infra", "terraform")
"""Where the code of the infrastructure lies, below the workspace."""


@condition(0, "make infra-cycle")
def infrastructure_in_code(facts: Facts) -> Found:
    """All infrastructure is in code.

    A plan of the code over what stands found no difference: evidence `infrastructure-plan`, which says where it stood.
    Code that was changed since makes it stale.
    """
    placed = _of_this_code(facts, "infrastructure-plan")
    told = f"{placed.record.figures['resources']} resources were planned again without a difference"
    return done(facts, placed, f"{told}, {_where(placed)}")


@condition(0, "make infra-cycle")
def infrastructure_made_by_command(facts: Facts) -> Found:
    """Infrastructure is created and destroyed automatically.

    A command created it, and another destroyed all of it: evidence `infrastructure-apply` and `infrastructure-destroy`.
    Code that was changed since makes it stale.
    """
    made = _of_this_code(facts, "infrastructure-apply").record.figures["resources"]
    placed = _of_this_code(facts, "infrastructure-destroy")
    return done(facts, placed, f"{made} resources were made, and none is left, {_where(placed)}")


@condition(0, "make infra-cycle")
def infrastructure_changes_traceable(facts: Facts) -> Found:
    """Changes of infrastructure are traceable.

    The last `infrastructure-apply` names the commit that it was made from, without changes beside it.
    """
    placed = needed(facts, "infrastructure-apply", "no evidence of kind infrastructure-apply")
    commit = placed.record.inputs.get("git_commit")
    if not commit or placed.record.inputs.get("git_dirty") == "true":
        raise NotDoneError("failing", "the last change was made from no commit", placed.record.at, facts.place(placed))
    return done(facts, placed, f"made from commit {commit[:12]}")


def _of_this_code(facts: Facts, kind: str) -> Placed:
    placed = needed(facts, kind, f"no evidence of kind {kind}")
    folder = facts.workspace.root / CODE
    if folder.is_dir() and placed.record.inputs.get("code") != digest_of(folder):
        raise found_as("stale", facts, placed, f"{CODE.as_posix()} was changed since")
    return placed


def _where(placed: Placed) -> str:
    return f"on {placed.record.inputs.get('place', 'a place that is not told')}"
