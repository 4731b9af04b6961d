"""`identity.toml`: what it may say."""

from __future__ import annotations

import hashlib
import re
from datetime import date
from pathlib import Path

import pytest

from tabi.errors import ConfigError
from tabi.registry.identity.settings import Grant, Oidc, Settings, Token, load
from tests.conftest import REPOSITORY

DIGEST = hashlib.sha256(b"a token").hexdigest()
TOKEN = f'[[token]]\nname = "maria"\nroles = ["approver"]\nsha256 = "{DIGEST}"\n'
OIDC = '[oidc]\nissuer = "https://ci"\naudience = "tabi"\njwks = "keys.json"\n'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "identity.toml"


def test_without_a_file_nothing_is_configured(path: Path) -> None:
    assert load(path) is None


def test_tokens_and_an_issuer_are_read(path: Path) -> None:
    grant = '[[oidc.role]]\nrole = "releaser"\nclaim = "ref"\nvalues = ["refs/heads/main"]\n'
    path.write_text(f"{TOKEN}expires = 2027-06-30\n{OIDC}{grant}")
    assert load(path) == Settings(
        token=(Token("maria", ("approver",), DIGEST, date(2027, 6, 30)),),
        oidc=Oidc("https://ci", "tabi", "keys.json", role=(Grant("releaser", "ref", ("refs/heads/main",)),)),
    )


def test_the_example_of_the_documentation_is_valid(path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", (REPOSITORY / "docs" / "audit.md").read_text(), flags=re.DOTALL)
    path.write_text(example)
    found = load(path)
    assert found is not None
    assert found.oidc is not None
    assert [token.name for token in found.token] == ["maria"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "neither a token nor an issuer"),
        ("[[token]\n", "is not TOML"),
        ("tokens = []\n", "unknown field `tokens`"),
        (TOKEN.replace("approver", "boss"), "boss"),
        (TOKEN.replace(DIGEST, "a token in clear, by mistake"), r"\$\.token\[0\]\.sha256"),
        (TOKEN.replace(DIGEST, DIGEST.upper()), r"\$\.token\[0\]\.sha256"),
        (TOKEN.replace("maria", ""), r"\$\.token\[0\]\.name"),
        (TOKEN + TOKEN.replace("maria", "kenji"), "one token to 'maria' and 'kenji'"),
        (OIDC.replace('audience = "tabi"\n', ""), "missing required field `audience`"),
        (OIDC.replace('issuer = "https://ci"\n', ""), "missing required field `issuer`"),
        (OIDC.replace("keys.json", "http://ci/keys.json"), "a URL with https"),
        (OIDC.replace("keys.json", "file:///keys.json"), "a URL with https"),
        (OIDC + 'algorithms = ["HS256"]\n', "HS256"),
        (OIDC + 'algorithms = ["none"]\n', "none"),
        (OIDC + "algorithms = []\n", "algorithms"),
    ],
)
def test_what_is_wrong_is_told_by_its_place(content: str, told: str, path: Path) -> None:
    path.write_text(content)
    with pytest.raises(ConfigError, match=told) as caught:
        load(path)
    assert "in clear" not in str(caught.value)


@pytest.mark.parametrize("url", ["https://ci/keys.json", "http://127.0.0.1:8000/keys.json", "http://[::1]/keys"])
def test_keys_come_by_a_way_that_nobody_can_change(url: str, path: Path) -> None:
    path.write_text(OIDC.replace("keys.json", url))
    assert load(path) is not None


def test_a_file_that_anybody_may_write_is_refused(path: Path) -> None:
    path.write_text(TOKEN)
    path.chmod(0o666)
    with pytest.raises(ConfigError, match="chmod o-w"):
        load(path)


def test_a_file_that_cannot_be_read_is_told(path: Path) -> None:
    path.mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        load(path)
    path.rmdir()
    path.write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="is not TOML"):
        load(path)
