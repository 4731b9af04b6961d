"""Layer 3: the data pipeline."""

from __future__ import annotations

from tabi.dod.condition import Found, NotDoneError, condition
from tabi.dod.facts import SHOWN, Facts
from tabi.dod.rules import by_record, done, found_as, needed, released_at
from tabi.evidence import Placed


@condition(3, "tabi data fetch {name}")
def data_automated(facts: Facts) -> Found:
    """Data comes from its source to features by one command.

    Evidence `fetch` wrote the snapshot that the current bundle is of. A newer snapshot makes the bundle stale.
    """
    placed = needed(facts, "fetch", f"the source of {facts.name} was not fetched yet", subject=facts.name)
    snapshot = placed.record.inputs["snapshot"]
    if snapshot != facts.bundle.manifest.snapshot:
        of = facts.bundle.manifest.snapshot[:SHOWN]
        raise found_as("stale", facts, placed, f"the bundle is of snapshot {of}, fetched last was {snapshot[:SHOWN]}")
    return done(facts, placed, f"{placed.record.figures['rows']:,} rows as snapshot {snapshot[:SHOWN]}")


@condition(3, "tabi data fetch {name}; tabi train {name}; tabi release {name}")
def ordered_by_dependency(facts: Facts) -> Found:
    """Steps run in the order of what they need.

    Evidence of fetch, training and release of the current bundle name each other's results, and none is older than
    the one it needs.
    """
    manifest = facts.bundle.manifest
    chain = [
        _step(facts, "fetch", "snapshot", manifest.snapshot),
        _step(facts, "training", "run", manifest.run),
        _step(facts, "release", "run", manifest.run),
    ]
    moments = [placed.record.at for placed in chain]
    if moments != sorted(moments):
        raise found_as("failing", facts, chain[-1], "a step is older than the step that it needs")
    return done(facts, chain[-1], "fetch, then training, then release, each of what the one before made")


@condition(3, None)
def retried_and_alerted(facts: Facts) -> Found:
    """A failed step is retried, and somebody is told.

    Evidence `pipeline` of a run that failed says how often it was retried and who was told.
    """
    return by_record(facts, "pipeline", facts.name)


@condition(3, "tabi release {name}")
def lineage_traceable(facts: Facts) -> Found:
    """Lineage is traceable from the model back to its source.

    Each step of `tabi show NAME --lineage` is looked for by its digest: run, snapshot, code, configuration. An
    environment that has changed since ends nothing, for its lock is in the bundle.
    """
    steps = {what: step for what, step in facts.lineage.items() if what != "environment"}
    lost = [f"{what}: {step.found}" for what, step in steps.items() if step.here is False]
    if lost:
        raise NotDoneError("failing", "; ".join(lost), released_at(facts), facts.file("lineage.json"))
    return Found("done", f"{', '.join(steps)} are found", released_at(facts), facts.file("lineage.json"))


def _step(facts: Facts, kind: str, field: str, value: str) -> Placed:
    """The first time that an operation made or took this: it may have been repeated since."""
    for placed in facts.records:
        record = placed.record
        seen = (record.kind, record.subject, record.inputs.get(field), record.verdict)
        if seen == (kind, facts.name, value, "pass"):
            return placed
    raise NotDoneError("missing", f"no evidence of the {kind} that this bundle comes from", released_at(facts))
