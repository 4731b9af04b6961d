"""Push and pull: bring one model from one store to another, snapshots first, pointer last."""

from __future__ import annotations

from typing import NamedTuple

from tabi.errors import ConflictError, NotFoundError
from tabi.store.documents import Versions
from tabi.store.snapshots import snapshot_key
from tabi.store.store import Store
from tabi.store.transfer import put_snapshot


class Exchanged(NamedTuple):
    """The ids that were brought over, and where `latest` points now; None if it points nowhere."""

    snapshots: tuple[str, ...]
    latest: str | None


def exchange(source: Store, target: Store, name: str) -> Exchanged:
    """Bring the snapshots of a model that its pointer and its policy name, then these themselves.

    `ConflictError` if `latest` of the target is a release that the source does not know, or moves in this moment:
    nothing that others released is ever hidden. Done again after it was killed, it goes on where it was.
    """
    here = source.snapshots(name)
    if not here:
        raise NotFoundError(
            f"the store {source.place} has no model {name}: it has {', '.join(source.names()) or 'none'}"
        )
    expected, stored = target.latest(name), target.policy(name)
    if expected is not None and expected.id not in here:
        raise ConflictError(
            f"latest of {name} in {target.place} is {expected.id[:12]}, which is not in {source.place}: bring it first"
        )
    pointer, policy = source.latest(name), source.policy(name)
    wanted = {pointer.id} if pointer else set()
    wanted |= {used.bundle for used in policy.policy.uses} if policy else set()
    brought = tuple(sorted(wanted & set(here) or here))
    for identity in brought:
        key = snapshot_key(name, identity)
        put_snapshot(source.objects, key, target.objects, key)
    _bring_versions(source, target, name)
    if policy is not None and (stored is None or stored.policy != policy.policy):
        target.set_policy(policy.policy, stored)
    if pointer is not None and (expected is None or expected.id != pointer.id):
        target.set_latest(name, pointer.id, expected)
    return Exchanged(brought, None if pointer is None else pointer.id)


def _bring_versions(source: Store, target: Store, name: str) -> None:
    """Numbers of both: one number may not mean two bundles."""
    ours, theirs = source.versions(name).versions, target.versions(name)
    merged = {**theirs.versions.bundles, **ours.bundles}
    if any(merged[number] != bundle for number, bundle in theirs.versions.bundles.items()):
        raise ConflictError(f"a version number of {name} is another bundle in {target.place}: look at both stores")
    versions = Versions(merged, ours.challenger)
    if versions != theirs.versions:
        target.set_versions(name, versions, theirs)
