"""Who runs this process, and what they may do.

Where `identity.toml` names tokens or an issuer, only a token or a claim gives roles. The user of the system then has a
name and no role; without the file, as on a laptop, that user has every role.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from tabi.errors import ConfigError, ForbiddenError
from tabi.registry.identity.settings import ROLES, Role, Token, load
from tabi.workspace import Workspace

TOKEN, OIDC_TOKEN = "TABI_TOKEN", "TABI_OIDC_TOKEN"

LEAST = 32
"""Letters of a token: from the digest of a short one the token can be found by trying."""

Kind = Literal["token", "oidc", "user"]


@dataclass(frozen=True)
class Identity:
    """A person or a machine. `kind` says what vouches for the name."""

    name: str
    kind: Kind
    roles: frozenset[str]


def whoami(workspace: Workspace, environ: Mapping[str, str] = os.environ) -> Identity:
    """Who runs this process. `ForbiddenError` for a token that is not known, `ConfigError` where it is not clear."""
    given = [name for name in (TOKEN, OIDC_TOKEN) if environ.get(name)]
    if len(given) > 1:
        raise ConfigError(f"{' and '.join(given)} are both set: unset one of them")
    settings = load(workspace.identity)
    if settings is None:
        if given:
            raise ConfigError(f"{given[0]} is set, but there is no {workspace.identity} that says whose it is")
        return Identity(_os_user(), "user", ROLES)
    if given == [TOKEN]:
        return _of_token(environ[TOKEN], settings.token)
    if given == [OIDC_TOKEN]:
        from tabi.registry.identity.oidc import identify

        if settings.oidc is None:
            raise ConfigError(f"{OIDC_TOKEN} is set, but {workspace.identity} names no issuer: write [oidc]")
        name, roles = identify(environ[OIDC_TOKEN], settings.oidc, workspace.identity.parent)
        return Identity(name, "oidc", roles)
    return Identity(_os_user(), "user", frozenset())


def require_role(identity: Identity, role: Role) -> None:
    """`ForbiddenError` unless the identity has the role."""
    if role not in identity.roles:
        has = ", ".join(sorted(identity.roles)) or "none"
        hint = f": set {TOKEN} or {OIDC_TOKEN}" if identity.kind == "user" else ""
        raise ForbiddenError(
            f"{identity.name!r} ({identity.kind}) may not do this: it takes the role {role}, and there is {has}{hint}"
        )


def _of_token(given: str, tokens: tuple[Token, ...]) -> Identity:
    if len(given) < LEAST:
        raise ForbiddenError(f"{TOKEN} is too short to be safe: make one of {LEAST} letters with openssl rand -hex 32")
    digest = hashlib.sha256(given.encode("utf-8", "surrogateescape")).hexdigest()
    # every token is compared, each in constant time: the time tells neither which one nor how far it fits
    found = [token for token in tokens if hmac.compare_digest(digest, token.sha256)]
    if not found:
        raise ForbiddenError(f"{TOKEN} is none of the tokens in identity.toml: add its SHA-256, or unset it")
    today = datetime.now(UTC).date()
    valid = [token for token in found if token.expires is None or today <= token.expires]
    if not valid:
        raise ForbiddenError(f"{TOKEN}, of {found[0].name!r}, has expired: make another")
    return Identity(valid[0].name, "token", frozenset(role for token in valid for role in token.roles))


def _os_user() -> str:
    try:
        import pwd
    except ImportError:  # not on Windows
        import getpass

        return getpass.getuser()
    # not the variables LOGNAME or USER, which anybody may set
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"
