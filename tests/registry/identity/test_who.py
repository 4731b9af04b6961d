"""Who runs the process: a token, or the user of the system."""

from __future__ import annotations

import hashlib
import os
import pwd
from datetime import UTC, datetime, timedelta

import pytest

from tabi.errors import ConfigError, ForbiddenError, outcome_of
from tabi.registry.identity import ROLES, Identity, require_role, whoami
from tabi.workspace import Workspace

MARIA, KENJI = (hashlib.sha256(name.encode()).hexdigest() for name in ("maria's token", "kenji's token"))
USER = pwd.getpwuid(os.getuid()).pw_name


def configure(workspace: Workspace, *tokens: tuple[str, str, str], more: str = "") -> None:
    workspace.identity.write_text(
        "".join(
            f'[[token]]\nname = "{name}"\nroles = [{roles}]\nsha256 = "{hashlib.sha256(token.encode()).hexdigest()}"\n'
            f"{more}"
            for name, roles, token in tokens
        )
    )


def test_on_a_laptop_the_user_of_the_system_has_every_role(workspace: Workspace) -> None:
    assert whoami(workspace, {"USER": "somebody else", "LOGNAME": "root2"}) == Identity(USER, "user", ROLES)
    for role in sorted(ROLES):
        require_role(whoami(workspace, {}), role)  # type: ignore[arg-type]


def test_where_tokens_are_configured_the_user_has_a_name_and_no_role(workspace: Workspace) -> None:
    configure(workspace, ("maria", '"approver"', MARIA))
    me = whoami(workspace, {})
    assert me == Identity(USER, "user", frozenset())
    with pytest.raises(
        ForbiddenError, match=r"takes the role approver, and there is none: set TABI_TOKEN or TABI_OIDC"
    ):
        require_role(me, "approver")


def test_where_an_issuer_is_configured_the_user_has_no_role_either(workspace: Workspace) -> None:
    workspace.identity.write_text('[oidc]\nissuer = "https://ci"\naudience = "tabi"\njwks = "keys.json"\n')
    assert whoami(workspace, {}).roles == frozenset()
    with pytest.raises(ForbiddenError, match="TABI_TOKEN is none of the tokens"):
        whoami(workspace, {"TABI_TOKEN": MARIA})


def test_a_token_gives_its_owner_its_roles(workspace: Workspace) -> None:
    configure(workspace, ("maria", '"approver", "operator"', MARIA), ("kenji", '"releaser"', KENJI))
    assert whoami(workspace, {"TABI_TOKEN": MARIA}) == Identity("maria", "token", frozenset({"approver", "operator"}))
    kenji = whoami(workspace, {"TABI_TOKEN": KENJI})
    require_role(kenji, "releaser")
    with pytest.raises(
        ForbiddenError, match=r"'kenji' \(token\) may not do this: it takes the role approver"
    ) as caught:
        require_role(kenji, "approver")
    assert outcome_of(caught.value)[:2] == (1, 403)


@pytest.mark.parametrize(
    "token", [KENJI, MARIA[:-1], MARIA + " ", MARIA.upper(), "ü" * 32, "\udcff" * 32], ids=range(6)
)
def test_any_other_token_is_refused_and_not_shown(token: str, workspace: Workspace) -> None:
    configure(workspace, ("maria", '"approver"', MARIA))
    with pytest.raises(ForbiddenError, match="none of the tokens") as caught:
        whoami(workspace, {"TABI_TOKEN": token})
    assert token not in str(caught.value)


def test_a_token_that_could_be_guessed_from_its_digest_is_refused(workspace: Workspace) -> None:
    configure(workspace, ("maria", '"approver"', "hunter2"))
    with pytest.raises(ForbiddenError, match="too short"):
        whoami(workspace, {"TABI_TOKEN": "hunter2"})


@pytest.mark.parametrize(("days", "valid"), [(-1, False), (1, True)])
def test_a_token_ends_with_its_last_day(days: int, valid: bool, workspace: Workspace) -> None:
    last = (datetime.now(UTC) + timedelta(days=days)).date()
    configure(workspace, ("maria", '"approver"', MARIA), more=f"expires = {last}\n")
    if valid:
        assert whoami(workspace, {"TABI_TOKEN": MARIA}).name == "maria"
        return
    with pytest.raises(ForbiddenError, match="of 'maria', has expired"):
        whoami(workspace, {"TABI_TOKEN": MARIA})


def test_what_is_not_clear_is_refused(workspace: Workspace) -> None:
    with pytest.raises(ConfigError, match=r"TABI_TOKEN is set, but there is no .*identity\.toml"):
        whoami(workspace, {"TABI_TOKEN": MARIA})
    configure(workspace, ("maria", '"approver"', MARIA))
    with pytest.raises(ConfigError, match="are both set"):
        whoami(workspace, {"TABI_TOKEN": MARIA, "TABI_OIDC_TOKEN": "a.b.c"})
    with pytest.raises(ConfigError, match="names no issuer"):
        whoami(workspace, {"TABI_OIDC_TOKEN": "a.b.c"})
