"""The store of models: immutable snapshots, and one pointer a model that is moved by compare-and-set.

Laws. A snapshot is complete before anything points to it and never changes afterwards. A reader sees the old `latest`
or the new one, never a mix, at whatever byte a writer was interrupted. Whoever removes a snapshot removes its manifest
first.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from tabi.errors import ConfigError, NotFoundError, StoreError
from tabi.policy import Assigned, Policy
from tabi.store import documents
from tabi.store.cache import Cache
from tabi.store.documents import StoredPolicy, StoredVersions, Versions
from tabi.store.folder import Folder
from tabi.store.listing import MANIFEST, MANIFEST_LIMIT
from tabi.store.objects import Objects, tag_of
from tabi.store.snapshots import (
    LATEST,
    MODELS,
    SNAPSHOTS,
    checked_name,
    is_id,
    is_name,
    pointer_key,
    read_listing,
    snapshot_key,
    snapshots_key,
)
from tabi.store.transfer import bundle_listing, put_signature, put_snapshot
from tabi.store.verify import Finding, verify

_PREFIX = re.compile(r"[0-9a-f]{8,64}")
_ADDRESS = re.compile(r"(?P<place>s3://.+)/models/(?P<name>[^/@:]+)(?:/snapshots/(?P<id>[0-9a-f]{64}))?")
# shorter than an id's first digits may be
_NUMBER = re.compile(r"[1-9][0-9]{0,6}")


class Pointer(NamedTuple):
    """Where a model's `latest` points, and the tag by which compare-and-set knows that it has not moved."""

    name: str
    id: str
    tag: str


class Followed(NamedTuple):
    """The policy that a reference follows, and the store that has its snapshots."""

    store: Store
    policy: Policy

    def folder(self, of: Assigned) -> Path:
        """Where a version of the policy can be read; `NotFoundError` if its snapshot is not there."""
        return self.store.open_path(self.policy.name, of.bundle)


class Store:
    """The models of one place: a folder, or `s3://BUCKET/PREFIX`. Reading creates nothing in it.

    `root`: the folder in which snapshots are read; of a store on S3 the one that they are fetched to.
    """

    def __init__(self, place: Path | str) -> None:
        self._objects, self.root, self._cache = _opened(place)
        self.place = self._objects.place
        self._others: dict[str, Store] = {}

    @property
    def objects(self) -> Objects:
        """What the store is made of, for its upkeep."""
        return self._objects

    def put_bundle(self, folder: Path) -> str:
        """Copy a written bundle into the store and return its id; `latest` does not move.

        Doing it again changes nothing; a snapshot that an earlier attempt left incomplete is completed. A signature
        comes along unless the snapshot has another manifest already, which it would not be over.
        `BundleError` if a file is not what the bundle's manifest says, `StoreError` if the store cannot be written.
        """
        source = Folder(folder)
        listing = bundle_listing(source)
        put_snapshot(source, "", self._objects, snapshot_key(checked_name(listing.name), listing.id))
        return listing.id

    def put_signature(self, name: str, id: str, signature: bytes) -> None:  # noqa: A002 - the domain's word
        """Give a snapshot a signature, in place of the one it may have. It is over this snapshot's own manifest."""
        self._require(name, id)
        put_signature(self._objects, snapshot_key(name, id), signature)
        if self._cache is not None:
            self._cache.forget(name, id)

    def latest(self, name: str) -> Pointer | None:
        """Where the model's `latest` points; None if nothing was released. `StoreError` if it is unreadable."""
        key = pointer_key(checked_name(name))
        data = self._objects.read(key, MANIFEST_LIMIT)
        if data is None:
            return None
        return Pointer(name, read_listing(data, key).id, tag_of(data))

    def set_latest(self, name: str, id: str, expected: Pointer | None) -> Pointer:  # noqa: A002 - the domain's word
        """Move `latest` to a snapshot if it is still where `expected` says (None: nowhere yet).

        `ConflictError` if somebody else moved it, `NotFoundError` if there is no such snapshot, `StoreError` if the
        snapshot has lost a file since it was written.
        """
        manifest = self._sound_manifest(name, id)
        tag = self._objects.replace(pointer_key(name), None if expected is None else expected.tag, manifest)
        return Pointer(name, id, tag)

    def point_latest(self, name: str, id: str) -> Pointer:  # noqa: A002 - the domain's word
        """Move `latest` to a snapshot from wherever it is, were it unreadable. It is not written if it is there.

        Raises as `set_latest` does.
        """
        manifest, key = self._sound_manifest(name, id), pointer_key(name)
        present = self._objects.read(key, MANIFEST_LIMIT)
        if present != manifest:
            self._objects.replace(key, None if present is None else tag_of(present), manifest)
        return Pointer(name, id, tag_of(manifest))

    def policy(self, name: str) -> StoredPolicy | None:
        """The model's policy; None if nothing was promoted. `StoreError` if it is unreadable."""
        return documents.get_policy(self._objects, checked_name(name))

    def set_policy(self, policy: Policy, expected: StoredPolicy | None) -> StoredPolicy:
        """Replace the model's policy if it is still `expected` (None: there is none); `ConflictError` if it is not."""
        checked_name(policy.name)
        return documents.put_policy(self._objects, policy, expected)

    def versions(self, name: str) -> StoredVersions:
        """The bundle of each version number of the model."""
        return documents.get_versions(self._objects, checked_name(name))

    def set_versions(self, name: str, versions: Versions, expected: StoredVersions) -> StoredVersions:
        """Replace the version numbers if they are still `expected`; `ConflictError` if they are not."""
        return documents.put_versions(self._objects, checked_name(name), versions, expected)

    def open_path(self, name: str, id: str | None = None) -> Path:  # noqa: A002 - the domain's word
        """Folder of a snapshot, of the latest one by default; `NotFoundError` says what there is instead."""
        if id is None:
            pointer = self.latest(name)
            if pointer is None:
                raise NotFoundError(self._unreleased(name))
            id = pointer.id  # noqa: A001
        # servers ask several times a second, so all snapshots are looked at only where one is missing
        folder = self._folder(checked_name(name), id) if is_id(id) else None
        if folder is None:
            raise self._absent(name, id)
        return folder

    def resolve(self, ref: str) -> Path:
        """Folder that a reference names: NAME, NAME@ALIAS, NAME:NUMBER, NAME:id or its first 8 digits, or a path.

        Of another store on S3: s3://BUCKET/PREFIX/models/NAME, which is its latest, or …/models/NAME/snapshots/ID.

        ALIAS is latest, champion, previous or challenger. A model of the store comes before a folder of the same name;
        write ./NAME for the folder.
        """
        if ref.startswith("s3:"):
            return self._elsewhere(ref)
        name, at, alias = ref.partition("@")
        if is_name(name) and at:
            return self.open_path(
                name, None if alias == LATEST else documents.bundle_of_alias(self._objects, name, alias)
            )
        name, colon, prefix = ref.partition(":")
        if is_name(name) and colon:
            return self.open_path(name, self._complete_id(name, prefix))
        folder = Path(ref)
        if is_name(ref) and (self._is_released(ref) or not (folder / MANIFEST).is_file()):
            return self.open_path(ref)
        if not (folder / MANIFEST).is_file():
            raise NotFoundError(f"{ref!r} is neither a model nor a folder with a {MANIFEST}: {self._known()}")
        return folder

    def followed(self, ref: str) -> Followed | None:
        """The policy that a reference follows: NAME or s3://BUCKET/PREFIX/models/NAME.

        None if it names one version, or nothing was promoted; `StoreError` if the policy is unreadable.
        """
        store, name = self, ref
        if ref.startswith("s3:"):
            store, name, identity = self._address(ref)
            if identity is not None:
                return None
        stored = store.policy(name) if is_name(name) else None
        return None if stored is None else Followed(store, stored.policy)

    def _elsewhere(self, ref: str) -> Path:
        store, name, identity = self._address(ref)
        return store.open_path(name, identity)

    def _address(self, ref: str) -> tuple[Store, str, str | None]:
        """The store of an address on S3, the model and the snapshot that it names, if it names one."""
        found = _ADDRESS.fullmatch(ref)
        if found is None:
            raise ConfigError(
                "the address of a bundle on S3 is s3://BUCKET/PREFIX/models/NAME or …/models/NAME/snapshots/ID"
            )
        place = found["place"]
        if place not in self._others:
            self._others[place] = Store(place)
        return self._others[place], found["name"], found["id"]

    def contains(self, path: Path) -> bool:
        """Whether `path`, its links followed, is a complete snapshot inside this store."""
        try:
            parts = path.resolve(strict=True).relative_to((self.root / MODELS).resolve(strict=True)).parts
        except (OSError, ValueError, RuntimeError):
            return False
        if len(parts) != 3 or parts[1] != SNAPSHOTS or not is_name(parts[0]):
            return False
        return self._has(parts[0], parts[2])

    def snapshot_at(self, path: str) -> Path | None:
        """Folder of the snapshot at `path`, absolute or relative to the store; None if it is none of this store's."""
        folder = self.root / path
        if ".." in folder.parts:
            return None
        if self._cache is not None and not Path(path).is_absolute():
            name, identity = folder.parent.parent.name, folder.name
            if path == snapshot_key(name, identity) and is_name(name) and is_id(identity):
                self._cache.fetch(name, identity)
        # links were followed to judge the path, so they are not followed again
        return folder.resolve() if self.contains(folder) else None

    def names(self) -> list[str]:
        """Models with at least one complete snapshot, sorted."""
        return [name for name in self._objects.children(MODELS) if is_name(name) and self._is_released(name)]

    def snapshots(self, name: str) -> list[str]:
        """Ids of the model's complete snapshots, sorted."""
        key = snapshots_key(checked_name(name))
        return [child for child in self._objects.children(key) if self._has(name, child)]

    def verify(self) -> list[Finding]:
        """Every fault of pointers, snapshots and digests, and what killed writers left; empty if all is well."""
        return verify(self._objects)

    def _has(self, name: str, identity: str) -> bool:
        """Whether a snapshot is there and complete."""
        return is_id(identity) and self._objects.has(f"{snapshot_key(name, identity)}/{MANIFEST}")

    def _folder(self, name: str, identity: str) -> Path | None:
        """Where a complete snapshot can be read."""
        if self._cache is not None:
            return self._cache.fetch(name, identity)
        return self.root / snapshot_key(name, identity) if self._has(name, identity) else None

    def _require(self, name: str, identity: str) -> None:
        """`NotFoundError` if there is no such snapshot."""
        if not self._has(checked_name(name), identity):
            raise self._absent(name, identity)

    def _absent(self, name: str, identity: str) -> NotFoundError:
        listed = ", ".join(known[:12] for known in self.snapshots(name)[:10]) or "none"
        return NotFoundError(f"the store {self.place} has no snapshot {identity[:64]!r} of {name}: it has {listed}")

    def _is_released(self, name: str) -> bool:
        """Whether a model has a complete snapshot."""
        return any(self._has(name, child) for child in self._objects.children(snapshots_key(name)))

    def _sound_manifest(self, name: str, identity: str) -> bytes:
        """A snapshot's manifest, if no file that it lists is missing."""
        self._require(name, identity)
        snapshot = snapshot_key(name, identity)
        key = f"{snapshot}/{MANIFEST}"
        manifest = self._objects.read(key, MANIFEST_LIMIT) or b""
        for entry in read_listing(manifest, key).files:
            if not self._objects.has(f"{snapshot}/{entry.path}"):
                raise StoreError(f"{entry.path} is missing in the snapshot {identity[:12]} of {name}: release it again")
        return manifest

    def _complete_id(self, name: str, prefix: str) -> str:
        if _NUMBER.fullmatch(prefix):
            return documents.bundle_of_number(self._objects, name, int(prefix))
        if not _PREFIX.fullmatch(prefix):
            raise ConfigError(
                f"{prefix[:64]!r} names no version of {name}: give its number, or 8 digits or more of its id"
            )
        matching = [identity for identity in self.snapshots(name) if identity.startswith(prefix)]
        if len(matching) > 1:
            raise NotFoundError(f"{name}:{prefix} fits {len(matching)} snapshots: give more digits of the id")
        return matching[0] if matching else prefix

    def _unreleased(self, name: str) -> str:
        if self._is_released(checked_name(name)):
            return f"no version of {name} was promoted in the store {self.place} yet: run `tabi promote {name}`"
        return f"no model {name} was released to the store {self.place}: {self._known()}"

    def _known(self) -> str:
        return f"it has {', '.join(self.names()) or 'none yet; release one first'}"


def _opened(place: Path | str) -> tuple[Objects, Path, Cache | None]:
    """The objects of a place, and where snapshots are read."""
    if str(place).startswith("s3:"):
        # boto3 takes as long to import as a server takes to start
        from tabi.store.s3 import S3

        remote = S3(str(place))
        cache = Cache(remote)
        return remote, cache.root, cache
    folder = Folder(Path(place))
    return folder, folder.root, None
