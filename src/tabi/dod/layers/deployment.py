"""Layer 5: deployment."""

from __future__ import annotations

from tabi.bundle import Bundle
from tabi.dod.condition import Found, NotDoneError, condition
from tabi.dod.facts import SHOWN, Facts, passed
from tabi.dod.rules import done, found_as, of_bundle
from tabi.store import StoredPolicy


@condition(5, "tabi deploy {name} --canary 5% --url …, then tabi deploy {name} --blue-green")
def canary_and_blue_green(facts: Facts) -> Found:
    """Canary and blue-green releases are possible.

    Evidence `canary` and `blue-green` of the model: traffic went over in parts, and at once. A canary that its gates
    ended later takes nothing from one that went through.
    """
    parts = facts.last("canary", facts.name, passed)
    if parts is None:
        raise NotDoneError("missing", "no canary of this model went through yet")
    whole = facts.last("blue-green", facts.name, passed)
    if whole is None:
        raise NotDoneError("missing", "no version was brought by blue-green yet", parts.record.at)
    steps = len(parts.record.figures["steps"])
    return done(facts, whole, f"a canary of {steps} steps, and a switch in {whole.record.figures['seconds']:.1f} s")


@condition(5, "tabi deploy {name}, a second version with --version, then tabi rollback {name} --target local")
def rollback_immediate(facts: Facts) -> Found:
    """A rollback is immediate.

    A rollback of the model, or of what runs it, succeeded once: evidence `rollback`, with the seconds that it took on a
    target. The version that the next one would return to is whole: every file of it is compared with its digest.
    """
    policy = _policy(facts)
    if policy.policy.previous is None:
        raise NotDoneError("missing", "there is no previous version to return to", policy.policy.at or None)
    previous = policy.policy.previous
    Bundle.open(facts.store.open_path(facts.name, previous.bundle))
    tried = facts.last("rollback", facts.name, passed)
    if tried is None:
        raise NotDoneError("missing", f"version {previous.version} is whole, but no rollback was ever tried")
    figures = tried.record.figures
    took = f" on {figures['target']} in {figures['seconds']:.1f} s" if figures.get("target") else ""
    return done(facts, tried, f"tried{took}, and version {previous.version} is whole")


@condition(5, "tabi bench {name}")
def api_meets_sla(facts: Facts) -> Found:
    """The API meets its service level.

    Evidence `bench` of the current bundle: no error, and p95 at all connections within `sla.p95_ms` of the project.
    """
    placed = of_bundle(facts, "bench", "the server was not measured yet")
    figures, most = placed.record.figures, facts.config.sla.p95_ms
    if figures["errors"]:
        raise found_as("failing", facts, placed, f"{figures['errors']} requests were not answered")
    p95 = max(work["p95_ms"] for work in figures["works"].values())
    told = f"p95 {p95:.2f} ms, at most {most:g} ms asked"
    if p95 > most:
        raise found_as("failing", facts, placed, told)
    return done(facts, placed, f"{told}, no error")


@condition(5, "tabi deploy {name}")
def deployment_history_kept(facts: Facts) -> Found:
    """The history of deployments is kept.

    The newest `deploy`, `promote` or `rollback` of the model that succeeded names the bundle that servers answer with.
    """
    kinds = {"deploy", "promote", "rollback"}
    about = [p for p in facts.records if p.record.kind in kinds and p.record.subject == facts.name]
    moves = [placed for placed in about if passed(placed.record)]
    if not moves:
        raise NotDoneError("missing", "no deployment or promotion of this model is recorded")
    newest = max(moves, key=lambda placed: (placed.record.figures.get("revision", 0), placed.record.at))
    of = newest.record.inputs["bundle"]
    if of != facts.bundle_id:
        told = f"recorded last is bundle {of[:SHOWN]}, servers answer with {facts.bundle_id[:SHOWN]}"
        raise found_as("stale", facts, newest, told)
    deployed = sum(1 for placed in moves if placed.record.kind == "deploy")
    return done(
        facts, newest, f"{len(moves)} moves of traffic, {deployed} of them deployments, the last to this bundle"
    )


def _policy(facts: Facts) -> StoredPolicy:
    found = facts.store.policy(facts.name)
    if found is None:
        raise NotDoneError("missing", f"{facts.name} has no policy yet")
    return found
