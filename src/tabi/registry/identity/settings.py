"""`identity.toml`: which tokens there are, which issuer is believed, and who gets which role.

    [[token]]
    name = "maria"
    roles = ["approver"]
    sha256 = "…"                      # of the token, which itself is nowhere kept
    expires = 2027-06-30              # its last day; may be left out

    [oidc]
    issuer = "https://ci.example.org"
    audience = "tabi"
    jwks = "https://ci.example.org/jwks.json"     # or a file beside this one
    name = "sub"                                  # the claim that says who it is

    [[oidc.role]]
    role = "releaser"
    claim = "ref"
    values = ["refs/heads/main"]

It holds no secret and can be kept under version control. Without it the user of the system has every role.
"""

from __future__ import annotations

import stat
import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, get_args
from urllib.parse import urlsplit

import msgspec

from tabi.errors import ConfigError

Role = Literal["trainer", "releaser", "approver", "operator"]
ROLES: frozenset[str] = frozenset(get_args(Role))

# none that signs with a secret that who verifies knows too
Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]

Text = Annotated[str, msgspec.Meta(min_length=1)]


class Token(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A token, known by its digest."""

    name: Text
    roles: tuple[Role, ...]
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    expires: date | None = None


class Grant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose `claim` holds one of `values` has the role."""

    role: Role
    claim: Text
    values: Annotated[tuple[Text, ...], msgspec.Meta(min_length=1)]


class Oidc(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The issuer that is believed. `jwks`: the URL or the file of its public keys."""

    issuer: Text
    audience: Text
    jwks: Text
    name: Text = "sub"
    algorithms: Annotated[tuple[Algorithm, ...], msgspec.Meta(min_length=1)] = ("RS256", "ES256")
    role: tuple[Grant, ...] = ()


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All of the file."""

    token: tuple[Token, ...] = ()
    oidc: Oidc | None = None


def load(path: Path) -> Settings | None:
    """What the file says; None if there is none. `ConfigError` where it is wrong, or anybody may write it."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(path.stat().st_mode)
            document = tomllib.load(file)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}): it says who may do what") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}") from None
    if mode & stat.S_IWOTH:
        raise ConfigError(f"{path} says who may do what, and anybody may write it: chmod o-w {path}")
    try:
        settings = msgspec.convert(document, Settings)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {error}") from None
    _check(path, settings)
    return settings


def _check(path: Path, settings: Settings) -> None:
    if not settings.token and settings.oidc is None:
        raise ConfigError(f"{path} names neither a token nor an issuer: write one, or remove the file")
    names: dict[str, str] = {}
    for token in settings.token:
        if names.setdefault(token.sha256, token.name) != token.name:
            raise ConfigError(f"{path} gives one token to {names[token.sha256]!r} and {token.name!r}: make another")
    if settings.oidc is not None and "://" in settings.oidc.jwks:
        parts = urlsplit(settings.oidc.jwks)
        local = parts.hostname in {"localhost", "127.0.0.1", "::1"}
        if parts.scheme != "https" and not (parts.scheme == "http" and local):
            raise ConfigError(f"{path}: jwks must be a URL with https, or a file: anybody on the way could change it")
