"""Who is at the keyboard, and what they may do."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tabi.errors import ForbiddenError
from tabi.workspace import Workspace

ROLES = frozenset({"trainer", "releaser", "approver", "operator"})

Kind = Literal["token", "oidc", "user"]


@dataclass(frozen=True)
class Identity:
    """A person or a machine. `kind` is what its name was taken from."""

    name: str
    kind: Kind
    roles: frozenset[str]


def whoami(workspace: Workspace, environ: Mapping[str, str] = os.environ) -> Identity:  # noqa: ARG001
    """Who runs this process."""
    return Identity(_os_user(), "user", ROLES)


def require_role(identity: Identity, role: str) -> None:
    """`ForbiddenError` unless the identity has the role."""
    if role not in identity.roles:
        has = ", ".join(sorted(identity.roles)) or "none"
        raise ForbiddenError(
            f"{identity.name!r} ({identity.kind}) may not do this: it takes the role {role}, theirs are: {has}"
        )


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
