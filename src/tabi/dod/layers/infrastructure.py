"""Layer 0: infrastructure."""

from __future__ import annotations

from tabi.dod.condition import Found, NotDoneError, condition
from tabi.dod.facts import Facts
from tabi.dod.rules import by_record, done, needed


@condition(0, None)
def infrastructure_in_code(facts: Facts) -> Found:
    """All infrastructure is in code.

    A plan of the code over what stands found no difference: evidence `infrastructure-plan`.
    """
    return by_record(facts, "infrastructure-plan")


@condition(0, None)
def infrastructure_made_by_command(facts: Facts) -> Found:
    """Infrastructure is created and destroyed automatically.

    A command created it, and another destroyed it: evidence `infrastructure-apply` and `infrastructure-destroy`.
    """
    by_record(facts, "infrastructure-apply")
    return by_record(facts, "infrastructure-destroy")


@condition(0, None)
def infrastructure_changes_traceable(facts: Facts) -> Found:
    """Changes of infrastructure are traceable.

    The last `infrastructure-apply` names the commit that it was made from, without changes beside it.
    """
    placed = needed(facts, "infrastructure-apply", "no evidence of kind infrastructure-apply")
    commit = placed.record.inputs.get("git_commit")
    if not commit or placed.record.inputs.get("git_dirty") == "true":
        raise NotDoneError("failing", "the last change was made from no commit", placed.record.at, facts.place(placed))
    return done(facts, placed, f"made from commit {commit[:12]}")
