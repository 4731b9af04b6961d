"""Remove what nothing refers to. A snapshot goes by its manifest first, so that it never looks whole when it is not.

It stays if `latest`, the policy or the version numbers name it, if the caller protects it, if it is one of the newest,
or if anything of it was written within the grace period: a release that is running has not moved its pointer yet.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from typing import NamedTuple

from tabi.errors import StoreError
from tabi.store.documents import get_policy, get_versions
from tabi.store.listing import MANIFEST, MANIFEST_LIMIT
from tabi.store.objects import Objects
from tabi.store.snapshots import MODELS, is_id, is_name, pointer_key, read_listing, snapshot_key, snapshots_key

GRACE_SECONDS = 24 * 3600.0
KEEP = 5


class Rules(NamedTuple):
    """`keep`: how many of the newest snapshots of a model stay. `grace`: in seconds."""

    keep: int = KEEP
    grace: float = GRACE_SECONDS


class Removed(NamedTuple):
    """A key that was removed, or would be, and why."""

    key: str
    why: str


RULES = Rules()


def collect(
    objects: Objects, protected: Collection[str], rules: Rules = RULES, *, dry_run: bool = False
) -> Iterator[Removed]:
    """Remove what nothing refers to, and tell of each. `protected`: ids of bundles that stay.

    `StoreError` before anything of a model is removed whose pointer or documents cannot be read.
    """
    before = time.time() - rules.grace
    for left in objects.left():
        if left.modified < before:
            if not dry_run:
                objects.discard(left.name)
            yield Removed(left.name, "was not finished")
    for name in objects.children(MODELS):
        if is_name(name):
            yield from _collect_model(objects, name, protected, rules, before, dry_run=dry_run)


def referred(objects: Objects, name: str) -> set[str]:
    """Ids of the snapshots that the model's pointer, policy and version numbers name."""
    found = set(get_versions(objects, name).versions.bundles.values())
    key = pointer_key(name)
    pointer = objects.read(key, MANIFEST_LIMIT)
    if pointer is not None:
        found.add(read_listing(pointer, key).id)
    stored = get_policy(objects, name)
    if stored is not None:
        found.update(used.bundle for used in stored.policy.uses)
    return found


def _collect_model(
    objects: Objects, name: str, protected: Collection[str], rules: Rules, before: float, *, dry_run: bool
) -> Iterator[Removed]:
    times = {
        child: objects.modified(snapshot_key(name, child)) or 0.0 for child in objects.children(snapshots_key(name))
    }
    whole = [child for child in times if is_id(child) and objects.has(f"{snapshot_key(name, child)}/{MANIFEST}")]
    newest = sorted(whole, key=lambda child: times[child], reverse=True)[: rules.keep]
    for child, modified in times.items():
        if child in newest or child in protected or modified >= before or child in referred(objects, name):
            continue
        key = snapshot_key(name, child)
        if dry_run or _remove(objects, name, child):
            yield Removed(key, "nothing refers to it" if child in whole else "is incomplete")


def _remove(objects: Objects, name: str, identity: str) -> bool:
    """Remove a snapshot, unless somebody came to refer to it in this very moment."""
    key = snapshot_key(name, identity)
    manifest = objects.read(f"{key}/{MANIFEST}", MANIFEST_LIMIT) if objects.has(f"{key}/{MANIFEST}") else None
    if manifest is not None:
        objects.remove(f"{key}/{MANIFEST}")
        try:
            wanted = identity in referred(objects, name)
        except StoreError:
            wanted = True
        if wanted:
            objects.replace(f"{key}/{MANIFEST}", None, manifest)
            return False
    objects.remove_group(key)
    return True
