"""Sign a bundle that is there already: one of the store, or one in a folder."""

from __future__ import annotations

from pathlib import Path

from tabi.bundle import Bundle, Trust
from tabi.bundle.keys import SIGNING_KEY
from tabi.bundle.signature import Signer, sign
from tabi.errors import ConfigError, SignatureError
from tabi.evidence import Record, append
from tabi.registry import audit
from tabi.registry.identity import require_role, whoami
from tabi.store import Store
from tabi.store.folder import write_whole
from tabi.store.listing import SIGNATURE
from tabi.workspace import Workspace


def sign_ref(workspace: Workspace, ref: str) -> tuple[Bundle, Signer]:
    """Sign the bundle that `ref` names with the key of TABI_SIGNING_KEY. Leaves evidence and an audit row."""
    actor = whoami(workspace)
    require_role(actor, "releaser")
    signer = Signer.from_environment()
    if signer is None:
        raise ConfigError(f"{SIGNING_KEY} is not set: name the file of a private key, which tabi keys new makes")
    store = Store(workspace.models)
    bundle = Bundle.open(store.resolve(ref))
    sign_snapshot(bundle.folder, store, signer)
    after = {"bundle": bundle.id, "key": signer.fingerprint}
    audit.record(workspace, actor=actor, action="sign", object=bundle.name, after=after)
    record = Record(
        kind="signature",
        subject=bundle.name,
        verdict="pass",
        inputs={"bundle": bundle.id},
        figures={"key": signer.fingerprint},
    )
    append(workspace.evidence, record)
    return bundle, signer


def sign_snapshot(folder: Path, store: Store, signer: Signer) -> None:
    """Give the bundle in `folder` a signature by `signer`, unless it has one that is sound."""
    trust = Trust({signer.fingerprint: signer.public})
    try:
        Bundle.open(folder, trust)
    except SignatureError:
        signature = sign(folder, signer)
        bundle = Bundle.open(folder)
        if store.contains(folder):
            store.put_signature(bundle.name, bundle.id, signature)
        else:
            write_signature(folder, signature)


def write_signature(folder: Path, signature: bytes) -> None:
    """Write a signature beside the manifest in a folder outside the store."""
    try:
        write_whole(folder / SIGNATURE, [signature], temporary=folder)
    except OSError as error:
        raise ConfigError(f"cannot write {SIGNATURE} in {folder} ({error.strerror}): make it writable") from error
