"""Who may operate a server: tokens with scopes, of which only digests are kept.

The file has a line a token: a name, scopes separated by commas, and the SHA-256 of the token in hex. Blank lines and
those that begin with # are passed over. A change of the file counts from the next request on.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
from pathlib import Path
from typing import NamedTuple

from tabi.errors import ConfigError

SCOPES = frozenset({"reload", "metrics", "feedback", "admin"})

_digest = re.compile(r"[0-9a-f]{64}").fullmatch
_log = logging.getLogger("tabi.serving")


class _Token(NamedTuple):
    name: str
    scopes: frozenset[str]
    digest: bytes


class Tokens:
    """The tokens of one file, or none. `ConfigError` at the start if the file is wrong; a later fault keeps the old."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._stamp: tuple[int, ...] | None = None
        self._fault = ""
        self._tokens: tuple[_Token, ...] = ()
        if path is not None:
            self._stamp = _stamp(path)
            self._tokens = _read(path)

    @property
    def configured(self) -> bool:
        """Whether there is a file of tokens."""
        return self._path is not None

    def scopes_of(self, authorization: bytes) -> frozenset[str] | None:
        """The scopes of the token in an Authorization header; None if it is none of the file's."""
        self._renew()
        scheme, _, token = authorization.partition(b" ")
        given = hashlib.sha256(token.strip()).hexdigest().encode()
        found: frozenset[str] | None = None
        # every token is compared, each in constant time: the time tells neither which one nor how far it fits
        for known in self._tokens:
            if hmac.compare_digest(given, known.digest):
                found = known.scopes | (found or frozenset())
        return found if scheme.lower() == b"bearer" else None

    def _renew(self) -> None:
        if self._path is None:
            return
        try:
            stamp = _stamp(self._path)
            if stamp != self._stamp:
                self._stamp = stamp
                self._tokens = _read(self._path)
        except ConfigError as error:
            # once, and not with every request until somebody mends it
            if str(error) != self._fault:
                _log.error("the tokens before stay: %s", error)
            self._fault = str(error)
        else:
            self._fault = ""


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except OSError as error:
        raise ConfigError(f"the file of tokens {path} cannot be read ({error.strerror}): name another") from error
    # a copy may bring its own time along, so the others are looked at too
    return found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_size


def _read(path: Path) -> tuple[_Token, ...]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the file of tokens {path} cannot be read: make it UTF-8 text that tabi may read") from error
    return tuple(
        _parse(path, number, line) for number, line in enumerate(lines, 1) if line.strip() and line.strip()[0] != "#"
    )


def _parse(path: Path, number: int, line: str) -> _Token:
    fields = line.split()
    if len(fields) != 3:
        raise ConfigError(f"{path}, line {number}: a name, scopes and a SHA-256 are expected, and nothing else")
    name, scopes, digest = fields
    unknown = set(scopes.split(",")) - SCOPES
    if unknown:
        raise ConfigError(f"{path}, line {number}: the scopes are {', '.join(sorted(SCOPES))}: write one of them")
    if not _digest(digest):
        raise ConfigError(f"{path}, line {number}: the SHA-256 of the token is expected, 64 digits 0-9 and a-f")
    return _Token(name, frozenset(scopes.split(",")), digest.encode())
