"""Verify a bundle's signature over the very manifest that the bundle was opened by.

`Bundle.open` compares every file with the manifest that it read, and again whenever a file's bytes are taken. Here the
signed digests are compared with that manifest, so what was signed, what was checked and what is used are one: nothing
can be exchanged in between. No file is read a second time, and only `cryptography` is imported: model-signing, which
makes the signatures, would cost a server more than a second and 50 MB for the same answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from tabi.bundle.keys import public_key
from tabi.bundle.statement import Envelope, digests_of
from tabi.bundle.trust import Trust
from tabi.errors import SignatureError
from tabi.store.listing import SIGNATURE

SHOWN = 16
_SIGN = "sign it with tabi sign"


class Signed(NamedTuple):
    """By the key of which fingerprint a bundle is signed; or why no trusted key has signed what it is.

    Where nobody is trusted nothing was verified, and both are None.
    """

    by: str | None
    problem: str | None


UNVERIFIED = Signed(None, None)


def check(data: bytes | None, digests: Mapping[str, str], trust: Trust, what: str) -> Signed:
    """Compare a signature's bytes with the sha256 of every file and of the manifest. `what` names the bundle.

    `SignatureError` in the mode enforce if no trusted key has signed exactly this; in the mode warn `problem` says so.
    """
    problem = _problem(data, digests, trust)
    if isinstance(problem, Signed):
        return problem
    if trust.mode == "enforce":
        raise SignatureError(f"{problem}: {what} is refused, {_SIGN} and a trusted key, or take another copy")
    return Signed(None, f"{problem}: {what} is not trusted, {_SIGN}")


def _problem(data: bytes | None, digests: Mapping[str, str], trust: Trust) -> str | Signed:
    if data is None:
        return f"{SIGNATURE} is missing"
    try:
        envelope = Envelope.from_json(data)
    except ValueError as error:
        return f"{SIGNATURE} is not a signature ({_shown(str(error))})"
    pem = trust.keys.get(envelope.signer)
    if pem is None:
        known = ", ".join(fingerprint[:SHOWN] for fingerprint in trust.keys)
        return f"{SIGNATURE} is by the key {_shown(envelope.signer[:SHOWN])}, and trusted here is {known}"
    if not _is_by(pem, envelope):
        return f"{SIGNATURE} is not by the key {envelope.signer[:SHOWN]} that it names"
    try:
        signed = digests_of(envelope.payload)
    except ValueError as error:
        return f"{SIGNATURE} is not a signature of files ({_shown(str(error))})"
    differing = _differing(signed, digests)
    return differing or Signed(envelope.signer, None)


def _is_by(pem: str, envelope: Envelope) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    key = public_key(pem.encode(), "a trusted key")
    # as the format has it: the digest that is as strong as the curve
    digest = {256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}[key.curve.key_size]
    try:
        key.verify(envelope.signature, envelope.signed_bytes(), ec.ECDSA(digest))
    except InvalidSignature:
        return False
    return True


def _differing(signed: Mapping[str, str], found: Mapping[str, str]) -> str | None:
    """How the files differ from those that were signed; None if they do not."""
    faults = [
        f"{_shown(path)} is not what was signed" for path in signed.keys() & found.keys() if signed[path] != found[path]
    ]
    faults += [f"{_shown(path)} was signed and is missing" for path in signed.keys() - found.keys()]
    faults += [f"{path} was not signed" for path in found.keys() - signed.keys()]
    if not faults:
        return None
    faults.sort()
    more = f", and {len(faults) - 3} more differ" if len(faults) > 3 else ""
    return f"{SIGNATURE} is of another bundle: {'; '.join(faults[:3])}{more}"


def _shown(text: str) -> str:
    """A part of a foreign file, short and on one line."""
    return "".join(c if c.isprintable() else "\ufffd" for c in text[:200])
