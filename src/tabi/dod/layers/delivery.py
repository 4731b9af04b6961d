"""Layer 1: CI/CD."""

from __future__ import annotations

from tabi.dod.condition import Found, NotDoneError, condition
from tabi.dod.facts import Facts
from tabi.dod.rules import done, found_as, needed, of_bundle, of_commit


@condition(1, "make test")
def tests_on_every_commit(facts: Facts) -> Found:
    """Tests run on every commit.

    Evidence `tests` of the unit suite is about the commit that is checked out. Tests of another commit are stale.
    """
    placed = of_commit(facts, "tests", "unit", "no tests were run here")
    return done(facts, placed, f"{placed.record.figures['passed']} tests passed on this commit")


@condition(1, "make docker-build, then make docker-push REPOSITORY=…")
def images_by_digest(facts: Facts) -> Found:
    """Images are built and pushed automatically, by digest.

    Evidence `image` says what was pushed, of which commit and by which digest.
    """
    placed = needed(facts, "image", "no image was pushed yet")
    digest, commit = (placed.record.inputs.get(key, "") for key in ("digest", "git_commit"))
    if not digest.startswith("sha256:"):
        raise found_as("failing", facts, placed, "the last image was pushed without a digest")
    if not commit:
        raise found_as("failing", facts, placed, "the last image says of no commit that it was made from it")
    return done(facts, placed, f"commit {commit[:12]} was pushed as {digest[:19]}")


@condition(1, "tabi approve {name} VERSION --reason … before it is promoted")
def deployed_after_approval(facts: Facts) -> Found:
    """What is live was approved before it went live.

    Evidence `approve` of the current bundle is older than the `promote` that made it live.
    """
    approved = of_bundle(facts, "approve", "no version of this model was approved")
    promoted = facts.last("promote", facts.name, lambda r: r.inputs.get("bundle") == facts.bundle_id)
    if promoted is None or promoted.record.at < approved.record.at:
        raise found_as("failing", facts, approved, "it was approved, but not promoted afterwards")
    return done(facts, approved, f"approved by {approved.record.figures.get('by', 'somebody')}, then promoted")


@condition(1, "make test, with CI set in the environment")
def pipeline_history_kept(facts: Facts) -> Found:
    """The history of the CI pipeline is kept.

    Each run of CI left evidence `tests`, with its commit, counts and verdict.
    """
    runs = [p for p in facts.records if p.record.kind == "tests" and p.record.figures.get("ci")]
    if not runs:
        raise NotDoneError("missing", "no run of CI left evidence here")
    commits = len({placed.record.inputs.get("git_commit") for placed in runs})
    return done(facts, runs[-1], f"{len(runs)} runs of CI over {commits} commits")
