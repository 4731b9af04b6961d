"""Small documents beside a model's snapshots, each replaced by compare-and-set.

models/<name>/policy.json      which versions receive which traffic
models/<name>/versions.json    which bundle each version number is; a copy for references, whose truth is elsewhere
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

import msgspec

from tabi.errors import NotFoundError, StoreError
from tabi.policy import Policy, read_policy
from tabi.policy.document import LIMIT
from tabi.store.listing import Sha256
from tabi.store.objects import Objects, tag_of
from tabi.store.snapshots import MODELS

POLICY = "policy.json"
VERSIONS = "versions.json"
# thousands of versions
VERSIONS_LIMIT = 1 << 20

_NEVER = "promote a version first"


class Versions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The bundle of each version number, and the version that waits to become champion."""

    bundles: dict[Annotated[int, msgspec.Meta(ge=1)], Sha256] = {}
    challenger: int | None = None


class StoredPolicy(NamedTuple):
    """A policy, and the tag by which compare-and-set knows that it has not been replaced."""

    policy: Policy
    tag: str


class StoredVersions(NamedTuple):
    """The same of the versions. `tag`: None where there is no document yet."""

    versions: Versions
    tag: str | None


def get_policy(objects: Objects, name: str) -> StoredPolicy | None:
    """The model's policy; None if nothing was promoted. `StoreError` if it is unreadable or of another model."""
    key = policy_key(name)
    data = objects.read(key, LIMIT)
    if data is None:
        return None
    policy = read_policy(data, key)
    if policy.name != name:
        raise StoreError(f"{key} is of another model: remove it, then promote again")
    return StoredPolicy(policy, tag_of(data))


def put_policy(objects: Objects, policy: Policy, expected: StoredPolicy | None) -> StoredPolicy:
    """Replace the policy if it is still `expected`; `ConflictError` if it is not."""
    tag = None if expected is None else expected.tag
    return StoredPolicy(policy, objects.replace(policy_key(policy.name), tag, policy.to_json()))


def get_versions(objects: Objects, name: str) -> StoredVersions:
    """The model's version numbers, none before the first. `StoreError` if the document is unreadable."""
    key = versions_key(name)
    data = objects.read(key, VERSIONS_LIMIT)
    if data is None:
        return StoredVersions(Versions(), None)
    try:
        return StoredVersions(msgspec.json.decode(data, type=Versions), tag_of(data))
    except (msgspec.MsgspecError, RecursionError) as error:
        raise StoreError(f"{key} lists no versions ({error}): remove it, `tabi models` makes it again") from error


def put_versions(objects: Objects, name: str, versions: Versions, expected: StoredVersions) -> StoredVersions:
    """Replace the numbers if they are still `expected`; `ConflictError` if they are not."""
    data = msgspec.json.format(msgspec.json.encode(versions), indent=2) + b"\n"
    return StoredVersions(versions, objects.replace(versions_key(name), expected.tag, data))


def bundle_of_alias(objects: Objects, name: str, alias: str) -> str:
    """The id of the bundle that NAME@champion, NAME@previous or NAME@challenger means; `NotFoundError` if none."""
    if alias == "challenger":
        versions = get_versions(objects, name).versions
        found = versions.bundles.get(versions.challenger or 0)
        if found is None:
            raise NotFoundError(f"{name} has no challenger: no version waits to be promoted")
        return found
    stored = get_policy(objects, name)
    if alias == "champion":
        if stored is None:
            raise NotFoundError(f"{name} has no champion: {_NEVER}")
        return stored.policy.champion.bundle
    if alias != "previous":
        raise NotFoundError(f"{alias[:64]!r} is no alias: there are latest, champion, previous and challenger")
    if stored is None or stored.policy.previous is None:
        raise NotFoundError(f"{name} has no version before its champion")
    return stored.policy.previous.bundle


def bundle_of_number(objects: Objects, name: str, number: int) -> str:
    """The id of the bundle that NAME:NUMBER means; `NotFoundError` tells what numbers there are."""
    bundles = get_versions(objects, name).versions.bundles
    if number not in bundles:
        known = ", ".join(str(each) for each in sorted(bundles)[-10:]) or "none yet"
        raise NotFoundError(f"{name} has no version {number}: it has {known}")
    return bundles[number]


def policy_key(name: str) -> str:
    """Key of a model's policy."""
    return f"{MODELS}/{name}/{POLICY}"


def versions_key(name: str) -> str:
    """Key of a model's version numbers."""
    return f"{MODELS}/{name}/{VERSIONS}"
