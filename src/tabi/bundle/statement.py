"""An OpenSSF model signature as a file: a Sigstore bundle around a DSSE envelope around an in-toto statement.

Only the form that a key makes is read: one signature, SHA-256 of whole files. model-signing itself reads older and
other forms too; what Tabi does not write, it does not trust.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Annotated, Literal, TypeVar

import msgspec

from tabi.store.listing import SIGNATURE, Sha256

_MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
_PAYLOAD_TYPE = "application/vnd.in-toto+json"
_STATEMENT = "https://in-toto.io/Statement/v1"
_PREDICATE = "https://model_signing/signature/v1.0"
# what model-signing leaves out by itself: of these the folder's own check refuses all but the signature
_IGNORED = frozenset({SIGNATURE, ".git", ".gitattributes", ".github", ".gitignore"})

T = TypeVar("T")


class _Key(msgspec.Struct):
    hint: str


class _Material(msgspec.Struct, rename="camel"):
    public_key: _Key


class _Signature(msgspec.Struct):
    sig: str


class _Envelope(msgspec.Struct, rename="camel"):
    payload: str
    payload_type: str
    signatures: Annotated[tuple[_Signature, ...], msgspec.Meta(min_length=1, max_length=1)]


class _Sigstore(msgspec.Struct, rename="camel"):
    media_type: str
    verification_material: _Material
    dsse_envelope: _Envelope


class _Digest(msgspec.Struct):
    sha256: Sha256


class _Subject(msgspec.Struct):
    digest: _Digest


class _Resource(msgspec.Struct):
    name: str
    digest: Sha256
    algorithm: Literal["sha256"]


class _Serialization(msgspec.Struct):
    method: Literal["files"]
    hash_type: Literal["sha256"]
    allow_symlinks: bool
    ignore_paths: tuple[str, ...] = ()


class _Predicate(msgspec.Struct):
    serialization: _Serialization
    resources: tuple[_Resource, ...]


class _Statement(msgspec.Struct, rename={"type": "_type", "predicate_type": "predicateType"}):
    type: str
    subject: Annotated[tuple[_Subject, ...], msgspec.Meta(min_length=1, max_length=1)]
    predicate_type: str
    # of another type it is something else
    predicate: msgspec.Raw


class Envelope(msgspec.Struct, frozen=True):
    """What was signed, by the key of which fingerprint, and the signature."""

    signer: str
    payload: bytes
    signature: bytes

    @classmethod
    def from_json(cls, data: bytes) -> Envelope:
        """Read a signature file; `ValueError` says in what it is not one."""
        found = _read(data, _Sigstore)
        if found.media_type != _MEDIA_TYPE or found.dsse_envelope.payload_type != _PAYLOAD_TYPE:
            raise ValueError("it is of another type")
        envelope = found.dsse_envelope
        return cls(
            found.verification_material.public_key.hint,
            _decoded(envelope.payload),
            _decoded(envelope.signatures[0].sig),
        )

    def signed_bytes(self) -> bytes:
        """What the signature is over, in DSSE's encoding."""
        return b"DSSEv1 %d %s %d %s" % (len(_PAYLOAD_TYPE), _PAYLOAD_TYPE.encode(), len(self.payload), self.payload)


def digests_of(payload: bytes) -> dict[str, str]:
    """The sha256 of each file that a payload states; `ValueError` says in what it is no statement of files."""
    statement = _read(payload, _Statement)
    if statement.type != _STATEMENT or statement.predicate_type != _PREDICATE:
        raise ValueError("it states something else than files")
    predicate = _read(statement.predicate, _Predicate)
    serialization, resources = predicate.serialization, predicate.resources
    if serialization.allow_symlinks or not _IGNORED.issuperset(serialization.ignore_paths):
        raise ValueError("it leaves files out or follows links")
    digests = {resource.name: resource.digest for resource in resources}
    root = hashlib.sha256(b"".join(bytes.fromhex(resource.digest) for resource in resources)).hexdigest()
    if len(digests) != len(resources) or root != statement.subject[0].digest.sha256:
        raise ValueError("it contradicts itself")
    return digests


def _read(data: bytes | msgspec.Raw, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(str(error)) from error


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("it is not in base64") from error
