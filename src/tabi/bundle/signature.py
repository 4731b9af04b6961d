"""Sign and verify bundles. Signatures are those of OpenSSF's model-signing, whose command line verifies them too."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tabi.bundle.keys import PASSPHRASE, SIGNING_KEY, fingerprint, pem_of, private_key
from tabi.bundle.read import Bundle
from tabi.bundle.trust import Trust
from tabi.errors import ConfigError
from tabi.store.listing import MANIFEST, SIGNATURE


class Signer(NamedTuple):
    """A private key's file, its passphrase if it is encrypted, and its public key."""

    path: Path
    passphrase: str | None
    fingerprint: str
    public: str

    def __repr__(self) -> str:
        # the passphrase is never shown
        return f"Signer({self.fingerprint[:16]})"

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Signer | None:
        """The key of TABI_SIGNING_KEY; None without one. `ConfigError` if it cannot be used."""
        named = environ.get(SIGNING_KEY)
        if not named:
            return None
        path, passphrase = Path(named).expanduser(), environ.get(PASSPHRASE) or None
        public = private_key(path, passphrase).public_key()
        return cls(path, passphrase, fingerprint(public), pem_of(public).decode())


def verify(folder: Path, environ: Mapping[str, str] = os.environ) -> Bundle:
    """The bundle in `folder`, verified as TABI_VERIFY_KEY and TABI_VERIFY say; opened only, where they say nothing.

    `SignatureError` if it is refused. In the mode warn, `signed.problem` of the bundle says what should be told.
    """
    return Bundle.open(folder, Trust.from_environment(environ))


def sign(folder: Path, signer: Signer) -> bytes:
    """The signature of the bundle in `folder`, which is left as it is. Only a whole bundle is signed."""
    try:
        from model_signing import hashing, signing
    except ModuleNotFoundError as error:
        raise ConfigError("signing needs model-signing: pip install 'tabi[sign]', or unset TABI_SIGNING_KEY") from error

    bundle = Bundle.open(folder)
    # its type says str, and what it calls takes bytes
    passphrase: Any = signer.passphrase.encode() if signer.passphrase else None
    with tempfile.TemporaryDirectory(prefix="tabi-sign-") as scratch:
        # a copy that nobody changes; the name of its folder is signed too
        copy = Path(scratch) / bundle.name
        for entry in bundle.manifest.files:
            (copy / entry.path).parent.mkdir(parents=True, exist_ok=True)
            (copy / entry.path).write_bytes(bundle.document(entry.path))
        shutil.copyfile(folder / MANIFEST, copy / MANIFEST)
        Bundle.open(copy)
        what = hashing.Config()  # type: ignore[no-untyped-call]
        what.set_ignored_paths(paths=[SIGNATURE], ignore_git_paths=False)
        how = signing.Config()  # type: ignore[no-untyped-call]
        how.set_hashing_config(what).use_elliptic_key_signer(private_key=signer.path, password=passphrase)
        how.sign(copy, copy / SIGNATURE)
        return (copy / SIGNATURE).read_bytes()
