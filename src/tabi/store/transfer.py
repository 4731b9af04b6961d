"""Copy snapshots from one kind of store to another: files first, then the signature, the manifest last.

Killed at any moment it leaves what was there before, and some files to which nothing points; done again, it copies only
what is not there yet or not right.
"""

from __future__ import annotations

from tabi.errors import BundleError, ConflictError, StoreError
from tabi.store.listing import MANIFEST, MANIFEST_LIMIT, SIGNATURE, SIGNATURE_LIMIT, verified
from tabi.store.objects import Objects, Source, tag_of
from tabi.store.snapshots import Listing, read_listing, snapshot_key


def put_snapshot(source: Source, source_key: str, target: Objects, key: str) -> Listing:
    """Copy a bundle that lies below `source_key` to be the snapshot `key`, unless it is there.

    The first manifest of a snapshot stays, and with it the signature that is over it. `BundleError` if a file of the
    source is not what its manifest says.
    """
    manifest, listing = _read(source, source_key)
    if snapshot_key(listing.name, listing.id) != key:
        raise BundleError(f"{MANIFEST} in {_join(source.place, source_key)} is of another snapshot: take another copy")
    unsound = {difference.path for difference in target.differences(key, listing.files)}
    for entry in listing.files:
        if entry.path in unsound:
            content = verified(source.chunks(_join(source_key, entry.path)), entry, _join(source.place, source_key))
            target.write(f"{key}/{entry.path}", content)
    signature = source.read(_join(source_key, SIGNATURE), SIGNATURE_LIMIT)
    if signature is not None and target.read(f"{key}/{MANIFEST}", MANIFEST_LIMIT) in {None, manifest}:
        # before the manifest: a snapshot that is complete is signed
        put_signature(target, key, signature)
    _complete(target, f"{key}/{MANIFEST}", manifest, listing)
    return listing


def put_signature(target: Objects, key: str, signature: bytes) -> None:
    """Write a snapshot's signature, unless it is there."""
    if target.read(f"{key}/{SIGNATURE}", SIGNATURE_LIMIT) != signature:
        target.write(f"{key}/{SIGNATURE}", [signature])


def bundle_listing(source: Source) -> Listing:
    """What the manifest of a bundle lists; `BundleError` if it is none."""
    return _read(source, "")[1]


def _read(source: Source, source_key: str) -> tuple[bytes, Listing]:
    """The source's manifest, and what it lists; `BundleError` if it is none."""
    try:
        manifest = source.read(_join(source_key, MANIFEST), MANIFEST_LIMIT)
    except StoreError as error:
        raise BundleError(str(error)) from error
    where = f"{MANIFEST} in {_join(source.place, source_key)}"
    if manifest is None:
        raise BundleError(f"{where} cannot be read: write the bundle first")
    try:
        return manifest, read_listing(manifest, where)
    except StoreError as error:
        raise BundleError(str(error)) from error


def _complete(target: Objects, key: str, manifest: bytes, listing: Listing) -> None:
    """Write a snapshot's manifest unless a sound one of the same bundle is there: the first one stays."""
    present = target.read(key, MANIFEST_LIMIT)
    if present is not None and _listing_or_none(present, key) == listing:
        return
    try:
        target.replace(key, None if present is None else tag_of(present), manifest)
    except ConflictError:
        _complete(target, key, manifest, listing)


def _listing_or_none(manifest: bytes, where: str) -> Listing | None:
    try:
        return read_listing(manifest, where)
    except StoreError:
        return None


def _join(start: str, end: str) -> str:
    return f"{start}/{end}" if start and end else start or end
