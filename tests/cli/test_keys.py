from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.cli.conftest import Tabi


def test_keys_are_made_once_and_shown_by_their_fingerprint(
    tabi: Tabi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tabi(tmp_path, "keys", "new", "--out", "k")
    fingerprint = made.out.splitlines()[-1]
    assert (made.code, len(fingerprint)) == (0, 64)
    assert stat.S_IMODE((tmp_path / "k" / "tabi.key").stat().st_mode) == 0o600
    for file in ("k/tabi.key", "k/tabi.pub"):
        assert tabi(tmp_path, "keys", "show", file).out == f"{fingerprint}\n"
    again = tabi(tmp_path, "keys", "new", "--out", "k")
    assert (again.code, again.err.count("\n")) == (2, 1)
    assert "is not overwritten" in again.err
    assert tabi(tmp_path, "keys", "show").out.startswith("signs    nothing")
    monkeypatch.setenv("TABI_SIGNING_KEY", "k/tabi.key")
    monkeypatch.setenv("TABI_VERIFY_KEY", "k/tabi.pub")
    assert tabi(tmp_path, "keys", "show").out == f"signs    {fingerprint}\ntrusted  {fingerprint} (enforce)\n"


def test_a_passphrase_comes_from_the_environment_and_is_never_shown(
    tabi: Tabi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TABI_SIGNING_PASSPHRASE", "open sesame")
    made = tabi(tmp_path, "keys", "new", "--out", "k")
    assert b"ENCRYPTED" in (tmp_path / "k" / "tabi.key").read_bytes()
    assert tabi(tmp_path, "keys", "show", "k/tabi.key").out == made.out.splitlines(keepends=True)[-1]
    monkeypatch.setenv("TABI_SIGNING_PASSPHRASE", "something else")
    refused = tabi(tmp_path, "keys", "show", "k/tabi.key")
    assert refused.code == 2
    assert "sesame" not in made.out + refused.err
    assert "something" not in refused.err


def test_signing_without_a_key_says_what_to_set(tabi: Tabi, tmp_path: Path) -> None:
    said = tabi(tmp_path, "sign", "adult")
    assert said.code == 2
    assert said.err.startswith("tabi: TABI_SIGNING_KEY is not set")
