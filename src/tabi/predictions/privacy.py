"""What the prediction log keeps of a row's values: each as it is, a keyed hash of it, or nothing.

A hash of few categories is no secret, since whoever has the log can hash all of them; without the key nobody can. Equal
values of a column have equal hashes under one key, and those of two columns have nothing in common.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import blake2b
from math import isnan
from pathlib import Path
from typing import NamedTuple

from tabi.contract import Contract
from tabi.contract.columns import LOGGED, Logged, logged_of
from tabi.errors import ConfigError

LETTERS: dict[Logged, str] = {"full": "f", "hashed": "h", "none": "n"}
"""How a line says it of each of its columns."""

KEY_BYTES = 16
_HASH_BYTES = 8
# categories are few, and hashed once
_CACHED = 4096

Value = float | str | None


class Privacy(NamedTuple):
    """What a server says beside the contract. `inputs`: nothing is kept that says more. `key`: of hashes, if any."""

    inputs: Logged = "full"
    key: bytes | None = None

    def of(self, contract: Contract) -> list[Logged]:
        """What is kept of each column: the stricter of both, and nothing of what would need a key that is not there."""
        kept = [max(self.inputs, logged_of(column), key=LOGGED.index) for column in contract.columns]
        return ["none" if each == "hashed" and self.key is None else each for each in kept]

    def problem(self, contract: Contract) -> str | None:
        """What an operator has to mend."""
        wanted = any(max(self.inputs, logged_of(each), key=LOGGED.index) == "hashed" for each in contract.columns)
        if wanted and self.key is None:
            return f"{contract.name}: columns that are to be hashed in the log are left out: name a key by --log-key"
        return None


class Mask(NamedTuple):
    """`letters`: of each column; "" where all values are kept, and `apply` is None."""

    letters: str
    apply: Callable[[Sequence[Value]], list[Value]] | None


def mask_of(contract: Contract, privacy: Privacy) -> Mask:
    """What makes the values of a row, in the contract's order, those that are logged."""
    kept = privacy.of(contract)
    if set(kept) <= {"full"}:
        return Mask("", None)
    each = [_shown(mode, column.name, privacy.key) for mode, column in zip(kept, contract.columns, strict=True)]

    def apply(values: Sequence[Value]) -> list[Value]:
        return [value if show is None else show(value) for show, value in zip(each, values, strict=True)]

    return Mask("".join(LETTERS[mode] for mode in kept), apply)


def read_key(path: Path) -> bytes:
    """The key in a file; `ConfigError` if it cannot be read or is too short to be one."""
    try:
        key = path.read_bytes().strip()
    except OSError as error:
        raise ConfigError(f"the key of the log {path} cannot be read ({error.strerror}): name another") from error
    if len(key) < KEY_BYTES:
        raise ConfigError(f"the key of the log {path} is shorter than {KEY_BYTES} bytes: openssl rand -hex 32 > {path}")
    # of BLAKE2 a key may have 64 bytes
    return blake2b(key, digest_size=32, person=b"tabi log key").digest()


def _shown(mode: Logged, column: str, key: bytes | None) -> Callable[[Value], Value] | None:
    if mode == "full":
        return None
    if mode == "none" or key is None:
        return lambda _: None
    keyed = blake2b(key=key, digest_size=_HASH_BYTES)
    keyed.update(column.encode("utf-8", "replace") + b"\0")

    @lru_cache(_CACHED)
    def hashed(value: Value) -> Value:
        # what is missing may be known to be
        if value is None or value == "" or (isinstance(value, float) and isnan(value)):
            return value
        found = keyed.copy()
        found.update(str(value).encode("utf-8", "replace"))
        return found.hexdigest()

    return hashed
