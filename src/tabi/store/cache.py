"""Snapshots of a store on S3 as folders of this machine. Fetched once, digest by digest; what is here already stays.

A snapshot is complete when its manifest is there, which is written last: a fetch that is killed is gone on with. Any of
it may be removed at any time, it is fetched again. TABI_CACHE names the folder, TABI_FETCH_SECONDS the time that one
snapshot may take.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from time import monotonic

from tabi.errors import StoreError
from tabi.store.fetching import Fetching, limit_of
from tabi.store.folder import Folder
from tabi.store.listing import MANIFEST, MANIFEST_LIMIT, SIGNATURE, SIGNATURE_LIMIT
from tabi.store.objects import Objects
from tabi.store.snapshots import read_listing, snapshot_key
from tabi.store.transfer import put_signature, put_snapshot

CACHE = "TABI_CACHE"
# a snapshot never changes, but it may be signed later
SIGNATURE_SECONDS = 10.0


class Cache:
    """The snapshots of one store that were fetched. `root` is laid out as the store itself."""

    def __init__(self, remote: Objects, environ: Mapping[str, str] = os.environ) -> None:
        self._remote = remote
        self.root = cache_folder(environ) / hashlib.sha256(_name(remote, environ).encode()).hexdigest()[:16]
        self._local = Folder(self.root)
        self._limit = limit_of(environ)
        self._looked_at: dict[str, float] = {}

    def fetch(self, name: str, identity: str) -> Path | None:
        """The folder of a snapshot, fetched if it is not here whole; None if the store has no such snapshot."""
        key = snapshot_key(name, identity)
        looked_at = self._looked_at.get(key)
        if (
            looked_at is not None
            and monotonic() < looked_at + SIGNATURE_SECONDS
            and self._local.has(f"{key}/{MANIFEST}")
        ):
            return self._local.path(key)
        if looked_at is None or not self._local.has(f"{key}/{MANIFEST}"):
            if not self._remote.has(f"{key}/{MANIFEST}"):
                return None
            self._fetch(key)
        self._fetch_signature(key)
        self._looked_at[key] = monotonic()
        return self._local.path(key)

    def forget(self, name: str, identity: str) -> None:
        """Look at the store again for a snapshot's signature."""
        self._looked_at.pop(snapshot_key(name, identity), None)

    def _fetch(self, key: str) -> None:
        # one that somebody damaged here is whole afterwards: also files that do not belong to it are removed
        manifest = self._remote.read(f"{key}/{MANIFEST}", MANIFEST_LIMIT) or b""
        listing = read_listing(manifest, f"{key}/{MANIFEST} in {self._remote.place}")
        if self._local.read(f"{key}/{MANIFEST}", MANIFEST_LIMIT) not in {None, manifest}:
            self._local.remove(f"{key}/{MANIFEST}")
        sizes = {entry.path: entry.size for entry in listing.files}
        unsound = {path for path, _ in self._local.differences(key, listing.files)}
        for path in unsound:
            if path not in sizes or self._local.path(f"{key}/{path}").is_symlink():
                self._local.remove_group(f"{key}/{path}")
        missing = sum(sizes.get(path, 0) for path in unsound)
        fetching = Fetching(self._remote, f"{listing.name} {listing.id[:12]}", missing, self._limit)
        fetching.begin()
        put_snapshot(fetching, key, self._local, key)
        fetching.end()

    def _fetch_signature(self, key: str) -> None:
        signature = self._remote.read(f"{key}/{SIGNATURE}", SIGNATURE_LIMIT)
        if signature is None:
            self._local.remove(f"{key}/{SIGNATURE}")
        else:
            put_signature(self._local, key, signature)


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Where fetched snapshots lie: TABI_CACHE, or the user's own cache."""
    if environ.get(CACHE):
        return Path(environ[CACHE]).expanduser().resolve()
    try:
        home = Path(environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    except RuntimeError as error:
        raise StoreError(f"there is no folder for fetched bundles: set {CACHE}") from error
    return home / "tabi"


def _name(remote: Objects, environ: Mapping[str, str]) -> str:
    """The same address at another endpoint is another store."""
    return f"{environ.get('AWS_ENDPOINT_URL_S3') or environ.get('AWS_ENDPOINT_URL', '')} {remote.place}"
