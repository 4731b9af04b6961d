"""The consistency check: every pointer, every snapshot, every digest.

A writer that is killed at any moment leaves at most leftovers. An error means that something else happened: a disk that
lost data, or a hand that changed files.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

from tabi.errors import StoreError
from tabi.store.documents import POLICY, VERSIONS, get_policy, get_versions, policy_key, versions_key
from tabi.store.listing import MANIFEST, MANIFEST_LIMIT
from tabi.store.objects import Objects
from tabi.store.snapshots import (
    LATEST,
    MODELS,
    SNAPSHOTS,
    is_id,
    is_name,
    pointer_key,
    read_listing,
    snapshot_key,
    snapshots_key,
)

_REMOVE = "remove it when no release is running"
_RESTORE = "put the same bundle again, or restore it from a copy"
_PROMOTE = "run `tabi models` to heal it, or promote again"
_RELEASE = "remove the pointer, then release again"


class Finding(NamedTuple):
    """One thing that is not as it should be: `path` in the store, what is wrong with it, what to do."""

    severity: Literal["error", "leftover"]
    path: str
    problem: str
    action: str


def verify(objects: Objects) -> list[Finding]:
    """Everything wrong in a store, in order of path; empty if all is well."""
    findings = [_leftover(left.name, "was not finished") for left in objects.left()]
    for name in objects.children(MODELS):
        if is_name(name) and objects.is_group(f"{MODELS}/{name}"):
            findings += _verify_model(objects, name)
        else:
            findings.append(_leftover(f"{MODELS}/{name}", "is not a model"))
    return sorted(findings, key=lambda finding: finding.path)


def _verify_model(objects: Objects, name: str) -> Iterator[Finding]:
    model = f"{MODELS}/{name}"
    for child in objects.children(model):
        if child not in {LATEST, SNAPSHOTS, POLICY, VERSIONS}:
            yield _leftover(f"{model}/{child}", "does not belong to a model")
    for child in objects.children(f"{model}/{LATEST}"):
        if child != MANIFEST:
            yield _leftover(f"{model}/{LATEST}/{child}", "does not belong beside a pointer")
    yield from _verify_pointer(objects, name)
    yield from _verify_policy(objects, name)
    for child in objects.children(snapshots_key(name)):
        yield from _verify_snapshot(objects, name, child)


def _verify_pointer(objects: Objects, name: str) -> Iterator[Finding]:
    key = pointer_key(name)
    try:
        pointer = objects.read(key, MANIFEST_LIMIT)
        if pointer is None:
            return
        listing = read_listing(pointer, key)
        target = objects.read(f"{snapshot_key(name, listing.id)}/{MANIFEST}", MANIFEST_LIMIT)
    except StoreError as error:
        yield Finding("error", key, str(error), _RELEASE)
        return
    if target is None:
        yield Finding("error", key, f"points to {listing.id[:12]}, which is missing or incomplete", _RESTORE)
    elif target != pointer:
        yield Finding("error", key, "is not a copy of its snapshot's manifest", _RELEASE)


def _verify_policy(objects: Objects, name: str) -> Iterator[Finding]:
    """Every version that the policy names must be there, and the version numbers must agree with it."""
    try:
        stored, versions = get_policy(objects, name), get_versions(objects, name).versions
    except StoreError as error:
        yield Finding("error", f"{MODELS}/{name}", str(error), _PROMOTE)
        return
    for used in stored.policy.uses if stored else ():
        if objects.read(f"{snapshot_key(name, used.bundle)}/{MANIFEST}", MANIFEST_LIMIT) is None:
            problem = f"names version {used.version}, {used.bundle[:12]}, which is missing or incomplete"
            yield Finding("error", policy_key(name), problem, _RESTORE)
        if versions.bundles.get(used.version, used.bundle) != used.bundle:
            problem = f"says another bundle of version {used.version} than the policy"
            yield Finding("error", versions_key(name), problem, _PROMOTE)


def _verify_snapshot(objects: Objects, name: str, identity: str) -> Iterator[Finding]:
    key = snapshot_key(name, identity)
    if not is_id(identity) or not objects.is_group(key):
        yield _leftover(key, "is not a snapshot")
        return
    manifest_key = f"{key}/{MANIFEST}"
    try:
        manifest = objects.read(manifest_key, MANIFEST_LIMIT)
        if manifest is None:
            yield _leftover(key, "is incomplete and nothing can point to it")
            return
        listing = read_listing(manifest, manifest_key)
    except StoreError as error:
        yield Finding("error", manifest_key, str(error), _RESTORE)
        return
    if (listing.name, listing.id) != (name, identity):
        yield Finding("error", manifest_key, "belongs to another snapshot", _RESTORE)
        return
    listed = {entry.path for entry in listing.files}
    for path, problem in objects.differences(key, listing.files):
        yield Finding("error", f"{key}/{path}", problem, _RESTORE if path in listed else _REMOVE)


def _leftover(path: str, problem: str) -> Finding:
    return Finding("leftover", path, problem, _REMOVE)
