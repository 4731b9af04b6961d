"""Layer 2: experiments."""

from __future__ import annotations

from tabi.bundle import layout
from tabi.dod.condition import Found, NotDoneError, condition
from tabi.dod.facts import SHOWN, Facts, passed
from tabi.dod.rules import by_step, done, needed, released_at
from tabi.evidence import Placed


@condition(2, "tabi train {name}")
def hyperparameters_recorded(facts: Facts) -> Found:
    """Hyperparameters are recorded in structure.

    Evidence `training` of the newest run names them, and tracking holds that run with its parameters.
    """
    placed = _training(facts)
    run = _tracked(facts, placed)
    return done(facts, placed, f"run {run.info.run_id[:SHOWN]} has {len(run.data.params)} parameters")


@condition(2, "tabi train {name}")
def results_comparable(facts: Facts) -> Found:
    """Results are searchable and comparable.

    Tracking finds the newest run, with its metrics, and each candidate of its search as a run below it.
    """
    placed = _training(facts)
    run = _tracked(facts, placed)
    wanted = f"tags.`mlflow.parentRunId` = '{run.info.run_id}'"
    found = _client(facts).search_runs([run.info.experiment_id], wanted, max_results=1000)
    if not run.data.metrics or not found:
        raise NotDoneError("failing", "the run is tracked without metrics or candidates", placed.record.at)
    return done(facts, placed, f"{len(run.data.metrics)} metrics, {len(found)} candidates to compare")


@condition(2, "tabi release {name}")
def data_tied_to_model(facts: Facts) -> Found:
    """The version of the data is tied to the version of the model.

    The bundle's lineage names its snapshot by digest. The snapshot is read again and must still have that digest.
    """
    return by_step(facts, "snapshot")


@condition(2, "tabi release {name}")
def environment_locked(facts: Facts) -> Found:
    """The environment is locked.

    `environment.lock` of the bundle has the digest that its manifest names. Another environment than this one is stale.
    """
    from tabi.training.environment import environment_lock, lock_digest

    if not facts.bundle.has(layout.ENVIRONMENT):
        raise NotDoneError("missing", f"the bundle has no {layout.ENVIRONMENT}", released_at(facts))
    held = lock_digest(facts.bundle.document(layout.ENVIRONMENT).decode())
    link, at = facts.file(layout.ENVIRONMENT), released_at(facts)
    if held != facts.bundle.manifest.environment:
        raise NotDoneError("failing", "environment.lock is not the one that the manifest names", at, link)
    if held != lock_digest(environment_lock()):
        raise NotDoneError("stale", f"locked as {held[:SHOWN]}, this environment is another", at, link)
    return Found("done", f"locked as {held[:SHOWN]}, and this environment is the same", at, link)


def _training(facts: Facts) -> Placed:
    return needed(facts, "training", f"{facts.name} was not trained yet", subject=facts.name, wanted=passed)


def _client(facts: Facts):  # type: ignore[no-untyped-def]
    from tabi.training.tracking import tracking_client

    return tracking_client(facts.workspace)


def _tracked(facts: Facts, placed: Placed):  # type: ignore[no-untyped-def]
    from mlflow.exceptions import MlflowException

    try:
        return _client(facts).get_run(placed.record.inputs["run"])
    except MlflowException:
        told = f"run {placed.record.inputs['run'][:SHOWN]} is not in tracking"
        raise NotDoneError("failing", told, placed.record.at, facts.place(placed)) from None
