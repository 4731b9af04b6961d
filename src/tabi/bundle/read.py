"""Open a bundle: nothing of it is used before all of it is what its manifest says."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import msgspec

from tabi.bundle import layout
from tabi.bundle.lineage import Lineage
from tabi.bundle.manifest import Manifest, Threshold
from tabi.bundle.signed import UNVERIFIED, Signed, check
from tabi.bundle.trust import Trust
from tabi.contract import Contract
from tabi.errors import BundleError
from tabi.store import FileEntry
from tabi.store.listing import (
    MANIFEST,
    MANIFEST_LIMIT,
    SIGNATURE,
    SIGNATURE_LIMIT,
    differences,
    list_problem,
    read_bounded,
    verified_chunks,
)


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle whose every file was found to be what the manifest says. Only JSON and ONNX are ever interpreted.

    Whenever a file's bytes are taken they are checked again against the manifest that was read at opening, so a file
    that changes under an open bundle is refused, not used.
    """

    folder: Path
    manifest: Manifest
    # by whom the bundle is signed, where somebody is trusted
    signed: Signed = UNVERIFIED

    @classmethod
    def open(cls, folder: Path, trust: Trust | None = None) -> Self:
        """The bundle in `folder`; `BundleError` names the first file that is not right, and how.

        Sizes are bounded before anything is read; links are refused, so nothing outside `folder` is ever opened.
        With `trust` the signature is verified too: `SignatureError` if it is enforced and no trusted key's.
        """
        data, manifest = _read_manifest(folder)
        problem = list_problem(manifest.files, manifest.id)
        if problem is not None:
            raise _refused(folder, *problem)
        for entry in manifest.files:
            if not layout.belongs(entry.path):
                raise _refused(folder, entry.path, "has no place in a bundle")
            if entry.size > layout.limit(entry.path):
                raise _refused(
                    folder, entry.path, f"has {entry.size} bytes, over the limit of {layout.limit(entry.path)}"
                )
        missing = layout.REQUIRED - {entry.path for entry in manifest.files}
        if missing:
            raise _refused(folder, MANIFEST, f"does not list {', '.join(sorted(missing))}")
        try:
            difference = next(differences(folder, manifest.files), None)
        except OSError as error:
            raise BundleError(f"the bundle {folder} cannot be read ({error.strerror}): make it readable") from error
        if difference is not None:
            raise _refused(folder, *difference)
        if trust is None:
            return cls(folder, manifest)
        digests = {entry.path: entry.sha256 for entry in manifest.files}
        digests[MANIFEST] = hashlib.sha256(data).hexdigest()
        return cls(folder, manifest, check(_read_signature(folder), digests, trust, f"the bundle {folder}"))

    @property
    def id(self) -> str:
        """The digest of the files, 64 hex digits."""
        return self.manifest.id

    @property
    def name(self) -> str:
        """The model's name."""
        return self.manifest.name

    def document(self, path: str) -> bytes:
        """The bytes of one of the bundle's files; `BundleError` if there is none or it changed since opening."""
        return b"".join(verified_chunks(self.folder, self._entry(path)))

    def graph_bytes(self) -> bytes:
        """The ONNX graph, from the very bytes whose digest was compared."""
        return self.document(layout.GRAPH)

    def contract(self) -> Contract:
        """What a row is."""
        return Contract.from_json(self.document(layout.SCHEMA))

    def has(self, path: str) -> bool:
        """Whether the bundle has a file of this path."""
        return any(entry.path == path for entry in self.manifest.files)

    def threshold(self) -> Threshold:
        """The decision threshold of a binary model."""
        try:
            return msgspec.json.decode(self.document(layout.THRESHOLD), type=Threshold)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise _refused(self.folder, layout.THRESHOLD, f"is not a threshold ({error})") from error

    def lineage(self) -> Lineage | None:
        """What the bundle was made from; None in a bundle of the first format."""
        if not self.has(layout.LINEAGE):
            return None
        try:
            return msgspec.json.decode(self.document(layout.LINEAGE), type=Lineage)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise _refused(self.folder, layout.LINEAGE, f"is not a lineage ({error})") from error

    def _entry(self, path: str) -> FileEntry:
        for entry in self.manifest.files:
            if entry.path == path:
                return entry
        raise BundleError(f"the bundle {self.id[:12]} of {self.name} has no {path}")


def _read_manifest(folder: Path) -> tuple[bytes, Manifest]:
    try:
        data = read_bounded(folder / MANIFEST, MANIFEST_LIMIT)
    except OSError as error:
        raise _refused(folder, MANIFEST, f"cannot be read ({error.strerror})") from error
    if data is None:
        raise _refused(folder, MANIFEST, f"is larger than {MANIFEST_LIMIT} bytes")
    try:
        # the format first: the fields of another one are not a fault of the manifest
        found = msgspec.json.decode(data, type=_Format).format
        if not 1 <= found <= layout.FORMAT:
            raise BundleError(f"{folder} has bundle format {found}, this Tabi reads {layout.FORMAT}: update Tabi")
        return data, msgspec.json.decode(data, type=Manifest)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise _refused(folder, MANIFEST, f"is not a manifest ({error})") from error


def _read_signature(folder: Path) -> bytes | None:
    try:
        data = read_bounded(folder / SIGNATURE, SIGNATURE_LIMIT)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _refused(folder, SIGNATURE, f"cannot be read ({error.strerror})") from error
    if data is None:
        raise _refused(folder, SIGNATURE, f"is larger than {SIGNATURE_LIMIT} bytes")
    return data


class _Format(msgspec.Struct):
    format: int


def _refused(folder: Path, path: str, problem: str) -> BundleError:
    return BundleError(f"{path} {problem}: the bundle {folder} is refused, release again or take another copy")
