"""What a source gives: its rows in batches, and what they were made from."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

import msgspec
import pandas as pd

from tabi.errors import ConfigError

# user:password@ after a scheme; and a parameter whose name says that its value is secret
_LOGIN = re.compile(r"(?<=://)([^/@:\s]*):[^/@\s]+@")
# nothing but a password has a further @ in the URL of a database
_LOGIN_OF_DATABASE = re.compile(r"(://|^sql:(?!\S*://))([^/@:\s]*):[^\s?]*@")
_SECRET = re.compile(r"(?i)([?&;][^=&;\s]*(?:pass|secret|token|pwd|credential|key)[^=&;\s]*)=[^&;\s]+")

_PASSWORD = re.compile(r"(?i)\b(?:password|passwd|pwd)\s*=")


class Parent(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that rows came from.

    `name`: a path, an address or a database, never with a secret. `digest`: of its content, such as `sha256:…`,
    `etag:…` or `md5:…`. `revision`: the commit of a repository that it was read at.
    """

    kind: Literal["package", "file", "object", "query", "dvc"]
    name: str
    digest: str | None = None
    revision: str | None = None


@dataclass
class Opened:
    """The rows of a source. `batches` can be read once; `parents` is whole when they were."""

    batches: Iterable[pd.DataFrame]
    parents: list[Parent] = field(default_factory=list)


def refuse_secrets(uri: str) -> None:
    """`ConfigError` if a source holds a password: configurations are recorded with every run, for all to read."""
    if without_secrets(uri) != uri:
        raise ConfigError(
            f"source {without_secrets(uri)!r} holds a password, which would be recorded with each run: leave it to the "
            "driver's own variable or file (PGPASSWORD, .pgpass, git's credentials), or write sql:env:NAME for a URL "
            "that the variable NAME holds"
        )


def refuse_password(query: str) -> None:
    """`ConfigError` if a query holds a password, as that of another database does: it is recorded as sources are."""
    if without_secrets(query) != query or _PASSWORD.search(query):
        raise ConfigError(
            "`query` holds a password, which would be recorded with each run: read from one database by `source`, or "
            "let this one keep the password of the other (a user mapping, a service file)"
        )


def without_secrets(uri: str) -> str:
    """The URI with `***` where a password or token stood."""
    shown = _LOGIN.sub(r"\1:***@", uri)
    if uri.startswith("sql:"):
        shown = _LOGIN_OF_DATABASE.sub(r"\1\2:***@", shown)
    return _SECRET.sub(r"\1=***", shown)
