"""MLflow's registry as a mirror: a model version for each of ours, aliases and tags for those who look there.

It gives the numbers. Nothing else is ever read from it, so a tracking server that is down, or a version that was
deleted there, stops neither a promotion nor a rollback: the next command that can reach it makes good.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tabi.errors import StateError, TabiError
from tabi.registry import journal
from tabi.registry.room import Room
from tabi.registry.traffic import tried_by
from tabi.registry.versions import Version, versions_of
from tabi.workspace import Workspace

if TYPE_CHECKING:
    from mlflow import MlflowClient

ALIASES = ("champion", "challenger", "previous")
BUNDLE, SNAPSHOT, STATE = "tabi.bundle", "tabi.snapshot", "tabi.state"

# for a port that nobody listens on; MLflow itself would try for minutes
REACH_S = 2.0


def number_of(workspace: Workspace, name: str, bundle: str, run: str, snapshot: str) -> int:
    """MLflow's number of the version that is this bundle, made where there is none: doing it again gives the same."""
    from mlflow.exceptions import MlflowException

    client = _client(workspace)
    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise StateError(f"MLflow cannot register {name} ({error.error_code}): see the tracking server") from error
    found = client.search_model_versions(f"name = '{name}' and tags.`{BUNDLE}` = '{bundle}'")
    if found:
        return min(int(version.version) for version in found)
    tags = {BUNDLE: bundle, SNAPSHOT: snapshot, STATE: "candidate"}
    source = client.get_run(run).info.artifact_uri
    return int(client.create_model_version(name, source=source, run_id=run, tags=tags).version)


def mirror(room: Room, name: str) -> list[str]:
    """Make aliases and tags in MLflow what the policy and the states say; what could not be done, in words."""
    with room.database.reading() as connection:
        known = versions_of(connection, name)
        pending = journal.at_stage(connection, name, "published")
    try:
        client = _client(room.workspace)
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError
    except TabiError as error:
        return [str(error)]
    try:
        notes = _mirror(client, name, known, _aliases(room, name, known))
    except (MlflowException, SQLAlchemyError, OSError) as error:
        why = getattr(error, "error_code", type(error).__name__)
        return [f"MLflow could not be told ({why}): the next command on {name} does it"]
    with room.transaction() as begun:
        for operation in pending:
            journal.advance(begun.connection, operation, "mirrored")
    return notes


def is_behind(room: Room, name: str) -> bool:
    """Whether MLflow was not told of something yet."""
    with room.database.reading() as connection:
        return bool(journal.at_stage(connection, name, "published"))


def _mirror(client: MlflowClient, name: str, known: list[Version], aliases: Mapping[str, int]) -> list[str]:
    there = {int(version.version): version for version in client.search_model_versions(f"name = '{name}'")}
    for version in known:
        if version.version in there and there[version.version].tags.get(STATE) != version.state:
            client.set_model_version_tag(name, str(version.version), STATE, version.state)
    present = {alias: int(number) for alias, number in client.get_registered_model(name).aliases.items()}
    for alias in ALIASES:
        wanted = aliases.get(alias)
        if wanted is None or wanted not in there:
            if alias in present:
                client.delete_registered_model_alias(name, alias)
        elif present.get(alias) != wanted:
            client.set_registered_model_alias(name, alias, str(wanted))
    missing = [version.ref for version in known if version.version not in there]
    return [f"{', '.join(missing)} was deleted in MLflow: it stays a version here"] if missing else []


def _aliases(room: Room, name: str, known: list[Version]) -> dict[str, int]:
    stored, challenger = room.store.policy(name), tried_by(room, name, known)
    found = {} if stored is None else {"champion": stored.policy.champion.version}
    if stored is not None and stored.policy.previous is not None:
        found["previous"] = stored.policy.previous.version
    if challenger is not None:
        found["challenger"] = challenger.version
    return found


def _client(workspace: Workspace) -> MlflowClient:
    """`StateError` at once where nobody listens."""
    uri = urlsplit(workspace.tracking_uri)
    if uri.scheme in {"http", "https"} and uri.hostname:
        port = uri.port or (443 if uri.scheme == "https" else 80)
        try:
            socket.create_connection((uri.hostname, port), REACH_S).close()
        except OSError as error:
            raise StateError(
                f"the tracking server {uri.hostname}:{port} cannot be reached ({error.strerror or 'no answer'}): "
                "MLflow's aliases follow with the next command that reaches it"
            ) from error
    from tabi.training.tracking import tracking_client

    return tracking_client(workspace)
