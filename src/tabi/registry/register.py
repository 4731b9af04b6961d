"""Registration: a bundle of the store gets its version number."""

from __future__ import annotations

import json

from tabi.bundle import Bundle, layout
from tabi.errors import ConflictError
from tabi.evidence import now
from tabi.registry import journal
from tabi.registry.identity import Identity
from tabi.registry.mirror import number_of
from tabi.registry.room import Room
from tabi.registry.traffic import publish
from tabi.registry.versions import Version, add, version_with, versions_of


def register(room: Room, bundle: Bundle, trained_by: str, actor: Identity) -> Version:
    """The version that is this bundle, made where there is none. A bundle has one number, however often it is released.

    The number is MLflow's. Cut between MLflow and the state database, doing it again finds MLflow's version by its tag.
    """
    name, manifest = bundle.name, bundle.manifest
    with room.database.reading() as connection:
        found = version_with(connection, name, bundle.id)
    if found is not None:
        return found
    number = number_of(room.workspace, name, bundle.id, manifest.run, manifest.snapshot)
    metrics = json.dumps(json.loads(bundle.document(layout.METRICS)))
    version = Version(
        name, number, bundle.id, manifest.run, manifest.snapshot, "candidate", metrics, trained_by, actor.name, now()
    )
    with room.transaction() as begun:
        known = versions_of(begun.connection, name)
        found = next((each for each in known if each.bundle == bundle.id), None)
        if found is not None:
            return found
        if any(each.version == number for each in known):
            raise ConflictError(
                f"MLflow gave the number {number}, which {name} has already: set TABI_TRACKING_URI to the server on "
                "which its versions were registered"
            )
        add(begun.connection, version)
        operation = journal.write(begun.connection, "release", version, actor)
        begun.record(
            actor=actor,
            action="release",
            object=version.ref,
            after={
                "state": version.state,
                "bundle": version.bundle,
                "run": version.run,
                "snapshot": version.snapshot,
                "trained_by": trained_by,
                "operation": operation.id,
            },
        )
    publish(room, operation)
    return version
