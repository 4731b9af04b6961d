"""The file of tokens."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tabi.errors import ConfigError
from tabi.serving.http.tokens import Tokens

DIGEST = hashlib.sha256(b"secret").hexdigest()


@pytest.mark.parametrize(
    "text",
    [
        "one line",
        f"name reload {DIGEST} more",
        f"name unknown {DIGEST}",
        f"name reload,unknown {DIGEST}",
        f"name reload {DIGEST[:-1]}",
        f"name reload {DIGEST.upper()}",
        "name reload secret",
    ],
)
def test_a_file_that_is_wrong_is_an_error_that_names_its_line_and_no_secret(tmp_path: Path, text: str) -> None:
    path = tmp_path / "tokens"
    path.write_text(f"# comment\n{text}\n")
    with pytest.raises(ConfigError, match="line 2") as raised:
        Tokens(path)
    assert "secret" not in str(raised.value)
    assert DIGEST not in str(raised.value)


def test_a_file_that_is_missing_or_no_text_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        Tokens(tmp_path / "none")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="cannot be read"):
        Tokens(tmp_path / "binary")


def test_a_token_that_stands_twice_has_the_scopes_of_both(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    path.write_text(f"a reload {DIGEST}\nb metrics {DIGEST}\n")
    assert Tokens(path).scopes_of(b"Bearer secret") == frozenset({"reload", "metrics"})
    assert Tokens(path).scopes_of(b"bearer  secret ") == frozenset({"reload", "metrics"})
    assert Tokens(path).scopes_of(b"secret") is None
    assert Tokens(path).scopes_of(b"Bearer other") is None
    assert Tokens(None).scopes_of(b"Bearer secret") is None
