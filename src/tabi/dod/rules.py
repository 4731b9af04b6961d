"""How evidence decides: the rules that several conditions have in common."""

from __future__ import annotations

from collections.abc import Callable

from tabi.bundle import layout
from tabi.dod.condition import Found, NotDoneError, Status
from tabi.dod.facts import SHOWN, Facts, anything
from tabi.evidence import Placed, Record


def needed(
    facts: Facts,
    kind: str,
    text: str,
    *,
    subject: str | None = None,
    wanted: Callable[[Record], bool] = anything,
) -> Placed:
    """The newest record of a kind. `NotDoneError` with the text where there is none, or where it says fail."""
    placed = facts.last(kind, subject, wanted)
    if placed is None:
        raise NotDoneError("missing", text)
    if placed.record.verdict == "fail":
        reason = placed.record.figures.get("reason")
        said = f"the last {kind} failed{f': {reason}' if reason else ''}"
        raise found_as("failing", facts, placed, said)
    return placed


def found_as(status: Status, facts: Facts, placed: Placed, text: str) -> NotDoneError:
    """What is not done, with the record that says so."""
    return NotDoneError(status, text, placed.record.at, facts.place(placed))


def done(facts: Facts, placed: Placed, text: str) -> Found:
    """Done, with the record that proves it."""
    return Found("done", text, placed.record.at, facts.place(placed))


def by_record(facts: Facts, kind: str, subject: str | None = None) -> Found:
    """Done where the newest record of a kind passed."""
    placed = needed(facts, kind, f"no evidence of kind {kind}", subject=subject)
    return done(facts, placed, f"{kind} passed")


def of_bundle(facts: Facts, kind: str, text: str) -> Placed:
    """The newest record of a kind about the model, which must be about the bundle that it now has."""
    placed = needed(facts, kind, text, subject=facts.name)
    of = placed.record.inputs.get("bundle", "")
    if of != facts.bundle_id:
        told = f"{kind} was of bundle {of[:SHOWN]}, now there is {facts.bundle_id[:SHOWN]}"
        raise found_as("stale", facts, placed, told)
    return placed


def of_commit(facts: Facts, kind: str, subject: str, text: str) -> Placed:
    """The newest record of a kind, which must be about the commit that is checked out, without changes."""
    placed = needed(facts, kind, text, subject=subject)
    of, now = placed.record.inputs.get("git_commit", ""), facts.commit.sha
    if not now:
        raise found_as("missing", facts, placed, "the workspace lies in no repository, so there is no commit to prove")
    if of != now:
        raise found_as("stale", facts, placed, f"{subject} was of commit {of[:SHOWN] or 'none'}, now {now[:SHOWN]}")
    if placed.record.inputs.get("git_dirty") == "true":
        raise found_as("stale", facts, placed, f"{subject} ran over changes that no commit has")
    return placed


def released_at(facts: Facts) -> str:
    """When the current bundle was made."""
    return facts.bundle.manifest.created


def by_gate(facts: Facts, gate: str) -> Found:
    """Done where the gate judged the current bundle and did not fail; an override is not a pass."""
    verdict = facts.verdicts.get(gate)
    link = facts.file(verdict.get("report") or layout.GATES) if verdict else None
    if verdict is None or verdict["verdict"] in {"skipped", "off"}:
        why = f": {verdict['reason']}" if verdict else ""
        raise NotDoneError("missing", f"the gate {gate} did not judge this bundle{why}", released_at(facts), link)
    word, reason = verdict["verdict"], verdict["reason"]
    if word in {"pass", "warn"}:
        return Found("done", f"{gate}: {word}, {reason}", released_at(facts), link)
    raise NotDoneError("failing", f"{gate}: {word}, {reason}", released_at(facts), link)


def by_file(facts: Facts, path: str, text: str) -> Found:
    """Done where the current bundle holds the file."""
    if not facts.bundle.has(path):
        raise NotDoneError("missing", f"the bundle has no {path}", released_at(facts))
    return Found("done", text, released_at(facts), facts.file(path))


def by_step(facts: Facts, what: str) -> Found:
    """Done where a step of the bundle's lineage is here and is what its digest says."""
    step = facts.lineage.get(what)
    if step is None:
        raise NotDoneError("missing", f"the bundle's lineage names no {what}", released_at(facts))
    told = f"{what} {step.digest[:SHOWN]}: {step.found}"
    if not step.here:
        status: Status = "failing" if step.here is False else "missing"
        raise NotDoneError(status, told, released_at(facts))
    return Found("done", told, released_at(facts), facts.file(layout.LINEAGE))
