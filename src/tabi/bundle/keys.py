"""Key pairs on elliptic curves: making one, and telling one from another by its fingerprint.

The fingerprint is the one that OpenSSF model signatures carry: sha256 of the public key in PEM.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tabi.errors import ConfigError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey

SIGNING_KEY = "TABI_SIGNING_KEY"
PASSPHRASE = "TABI_SIGNING_PASSPHRASE"  # noqa: S105 - the variable's name
PRIVATE_FILE = "tabi.key"
PUBLIC_FILE = "tabi.pub"
CURVES = ("secp256r1", "secp384r1", "secp521r1")

_PEM_HELP = "give the PEM file of a key on P-256, P-384 or P-521"


class KeyPair(NamedTuple):
    """Files of a new key pair, and its fingerprint."""

    private: Path
    public: Path
    fingerprint: str


def new_key_pair(folder: Path, passphrase: str | None = None) -> KeyPair:
    """Make a P-256 key pair in `folder`. The private key is readable by its owner alone, and encrypted with
    `passphrase` if there is one. `ConfigError` if a file is there already: no key is ever overwritten.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    pair = (folder / PRIVATE_FILE, folder / PUBLIC_FILE)
    for path in pair:
        if path.exists() or path.is_symlink():
            raise ConfigError(f"{path} is there already and is not overwritten: choose another folder with --out")
    key = ec.generate_private_key(ec.SECP256R1())
    encryption = (
        serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else serialization.NoEncryption()
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _create(pair[0], pem, 0o600)
        _create(pair[1], pem_of(key.public_key()), 0o644)
    except OSError as error:
        raise ConfigError(
            f"the keys cannot be written to {folder} ({error.strerror}): choose another folder"
        ) from error
    return KeyPair(*pair, fingerprint(key.public_key()))


def fingerprint(key: EllipticCurvePublicKey) -> str:
    """What tells a key from another, 64 hex digits."""
    return hashlib.sha256(pem_of(key)).hexdigest()


def public_key(pem: bytes, what: str) -> EllipticCurvePublicKey:
    """The public key in PEM; `ConfigError` names `what` if there is none on a curve that may sign."""
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key
    except ModuleNotFoundError as error:
        raise ConfigError("verifying signatures needs cryptography: pip install 'tabi[sign]'") from error

    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ConfigError(f"{what} is no public key: {_PEM_HELP}") from error
    if not isinstance(key, EllipticCurvePublicKey) or key.curve.name not in CURVES:
        raise ConfigError(f"{what} is a key of another kind: {_PEM_HELP}")
    return key


def private_key(path: Path, passphrase: str | None) -> EllipticCurvePrivateKey:
    """The private key in a PEM file; `ConfigError` if there is none or the passphrase is not its own."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(path.read_bytes(), passphrase.encode() if passphrase else None)
    except OSError as error:
        raise ConfigError(f"the private key {path} cannot be read ({error.strerror}): mend {SIGNING_KEY}") from error
    except TypeError as error:
        wanted = "is not encrypted: unset" if passphrase else "is encrypted: set"
        raise ConfigError(f"the private key {path} {wanted} {PASSPHRASE}") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ConfigError(f"{path} is no private key, or {PASSPHRASE} is not its passphrase: {_PEM_HELP}") from error
    if not isinstance(key, EllipticCurvePrivateKey) or key.curve.name not in CURVES:
        raise ConfigError(f"{path} is a key of another kind: {_PEM_HELP}")
    return key


def shown_fingerprint(path: Path, passphrase: str | None = None) -> str:
    """The fingerprint of the key in a PEM file, be it public or private."""
    try:
        pem = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"the key {path} cannot be read ({error.strerror}): {_PEM_HELP}") from error
    if b"PRIVATE KEY" in pem:
        return fingerprint(private_key(path, passphrase).public_key())
    return fingerprint(public_key(pem, str(path)))


def pem_of(key: EllipticCurvePublicKey) -> bytes:
    """The public key as the text of a PEM file."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _create(path: Path, content: bytes, mode: int) -> None:
    # never wider than `mode`, not even for a moment
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
