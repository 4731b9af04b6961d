"""Layer 10: retraining."""

from __future__ import annotations

from tabi.bundle import Bundle
from tabi.dod.condition import Found, NotDoneError, condition
from tabi.dod.facts import Facts, passed
from tabi.dod.rules import by_record, done, needed
from tabi.errors import TabiError


@condition(10, None)
def triggered_by_time(facts: Facts) -> Found:
    """Retraining is triggered by time.

    Evidence `trigger-time`: a schedule started a training.
    """
    return by_record(facts, "trigger-time", facts.name)


@condition(10, None)
def triggered_by_drift(facts: Facts) -> Found:
    """Retraining is triggered by drift.

    Evidence `trigger-drift`: a drift beyond its bound started a training.
    """
    return by_record(facts, "trigger-drift", facts.name)


@condition(10, None)
def triggered_by_performance(facts: Facts) -> Found:
    """Retraining is triggered by lost performance.

    Evidence `trigger-performance`: a quality below its bound started a training.
    """
    return by_record(facts, "trigger-performance", facts.name)


@condition(10, None)
def new_model_deployed_automatically(facts: Facts) -> Found:
    """A new model is validated and deployed automatically.

    Evidence `retraining`: from a trigger through the gates to traffic, without a hand.
    """
    return by_record(facts, "retraining", facts.name)


@condition(10, "tabi release {name}, a second time")
def rollback_points_kept(facts: Facts) -> Found:
    """History and rollback points are kept.

    Evidence `release` of the model, and every bundle of it in the store is whole: there are at least two, and every
    file of them is compared with its digest.
    """
    placed = needed(facts, "release", f"{facts.name} was not released yet", subject=facts.name, wanted=passed)
    kept = facts.store.snapshots(facts.name)
    broken = [identity for identity in kept if not _is_whole(facts, identity)]
    if broken:
        told = f"{len(broken)} of {len(kept)} bundles are not whole, such as {broken[0][:12]}"
        raise NotDoneError("failing", told, placed.record.at, facts.place(placed))
    if len(kept) < 2:
        raise NotDoneError("missing", f"{len(kept)} bundle is kept, so there is none to return to", placed.record.at)
    return done(facts, placed, f"{len(kept)} bundles are kept, each of them whole")


def _is_whole(facts: Facts, identity: str) -> bool:
    try:
        Bundle.open(facts.store.open_path(facts.name, identity))
    except (TabiError, OSError):
        return False
    return True
