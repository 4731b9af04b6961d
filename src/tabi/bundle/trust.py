"""Whom this process trusts: the public keys that a bundle must be signed with, and what becomes of one that is not.

| variable          | default   | meaning                                                                      |
|-------------------|-----------|------------------------------------------------------------------------------|
| TABI_VERIFY_KEY   | none      | PEM files of public keys, joined by ":"; without one nothing is verified     |
| TABI_VERIFY       | enforce   | `enforce` refuses what no such key has signed, `warn` says it and goes on    |

Trust comes from the environment alone: nothing that a bundle holds can add to it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self, cast, get_args

import msgspec

from tabi.errors import ConfigError

VERIFY_KEY = "TABI_VERIFY_KEY"
VERIFY = "TABI_VERIFY"
# a PEM file of one key has some hundred bytes
KEY_LIMIT = 64 << 10

Mode = Literal["enforce", "warn"]


class Trust(msgspec.Struct, frozen=True):
    """The trusted keys, each the text of a PEM file, by their fingerprints, and the mode."""

    keys: dict[str, str]
    mode: Mode = "enforce"

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Self | None:
        """What the variables say; None without a key. `ConfigError` if a file holds no public key."""
        paths = [path for path in environ.get(VERIFY_KEY, "").split(os.pathsep) if path]
        mode = environ.get(VERIFY) or "enforce"
        if mode not in get_args(Mode):
            raise ConfigError(f"{VERIFY} is {mode[:40]!r}: write enforce or warn")
        if not paths:
            if environ.get(VERIFY):
                raise ConfigError(f"{VERIFY} is set and {VERIFY_KEY} is not: name the PEM file of a public key")
            return None
        return cls(dict(_read(Path(path).expanduser()) for path in paths), cast(Mode, mode))


def _read(path: Path) -> tuple[str, str]:
    from tabi.bundle.keys import fingerprint, public_key

    try:
        with path.open("rb") as file:
            pem = file.read(KEY_LIMIT)
    except OSError as error:
        raise ConfigError(f"the public key {path} cannot be read ({error.strerror}): mend {VERIFY_KEY}") from error
    key = public_key(pem, f"{path}, which {VERIFY_KEY} names,")
    return fingerprint(key), pem.decode()
