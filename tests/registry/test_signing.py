"""Releases are signed where a key is set; what is there already can be signed later, and again."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tabi.bundle.keys import KeyPair, new_key_pair
from tabi.bundle.signature import verify
from tabi.errors import ConfigError, SignatureError
from tabi.evidence import read
from tabi.registry import audit
from tabi.registry.release import release
from tabi.registry.show import version_lines
from tabi.registry.signing import sign_ref
from tabi.state import Database
from tabi.store import Store
from tabi.workspace import Workspace
from tests.registry.conftest import Trained


@pytest.fixture
def fresh(trained: Trained, tmp_path: Path) -> Workspace:
    """The trained workspace with a store, a state and evidence of its own; the snapshots are kept."""
    shutil.copytree(trained.workspace.store / "data", tmp_path / "store" / "data")
    return replace(
        Workspace.find(tmp_path, {}), root=trained.workspace.root, tracking_uri=trained.workspace.tracking_uri
    )


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KeyPair:
    made = new_key_pair(tmp_path / "keys")
    monkeypatch.setenv("TABI_SIGNING_KEY", str(made.private))
    return made


def trusting(pair: KeyPair) -> dict[str, str]:
    return {"TABI_VERIFY_KEY": str(pair.public)}


def test_a_release_is_signed_and_says_by_which_key(trained: Trained, fresh: Workspace, pair: KeyPair) -> None:
    said: list[str] = []
    released = release(fresh, trained.name, trained.runs[0], said.append)
    assert f"sign     by the key {pair.fingerprint[:16]}" in said
    assert verify(released.folder, trusting(pair)).id == released.bundle
    assert Store(fresh.store).verify() == []


def test_show_says_whose_signature_it_is(
    trained: Trained, fresh: Workspace, pair: KeyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told() -> str:
        (line,) = [each for each in version_lines(fresh, trained.name) if each.startswith("signature")]
        return line.split(None, 1)[1]

    release(fresh, trained.name, trained.runs[0])
    assert told() == "not verified, TABI_VERIFY_KEY names no key"
    monkeypatch.setenv("TABI_VERIFY_KEY", str(pair.public))
    assert told() == f"by the trusted key {pair.fingerprint[:16]}"
    monkeypatch.setenv("TABI_VERIFY_KEY", str(new_key_pair(tmp_path / "others").public))
    assert "not trusted" in told()
    (Store(fresh.store).open_path(trained.name) / "model.sig").unlink()
    assert "model.sig is missing" in told()
    monkeypatch.delenv("TABI_VERIFY_KEY")
    assert told() == f"none, `tabi sign {trained.name}` adds one"


def test_a_key_that_cannot_be_used_stops_a_release_before_it_begins(
    trained: Trained, fresh: Workspace, pair: KeyPair
) -> None:
    pair.private.write_text("no key")
    said: list[str] = []
    with pytest.raises(ConfigError, match="is no private key"):
        release(fresh, trained.name, trained.runs[0], said.append)
    assert (said, Store(fresh.store).names()) == ([], [])


def test_what_was_released_unsigned_is_signed_later_and_again_by_another_key(
    trained: Trained, fresh: Workspace, pair: KeyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TABI_SIGNING_KEY")
    released = release(fresh, trained.name, trained.runs[0])
    with pytest.raises(SignatureError, match=r"model\.sig is missing"):
        verify(released.folder, trusting(pair))
    with pytest.raises(ConfigError, match="TABI_SIGNING_KEY is not set"):
        sign_ref(fresh, trained.name)
    other = new_key_pair(tmp_path / "others")
    for each in (pair, other):
        monkeypatch.setenv("TABI_SIGNING_KEY", str(each.private))
        bundle, signer = sign_ref(fresh, trained.name)
        assert (bundle.id, signer.fingerprint) == (released.bundle, each.fingerprint)
        assert verify(released.folder, trusting(each)).id == released.bundle
    with pytest.raises(SignatureError, match="by the key"):
        verify(released.folder, trusting(pair))
    assert Store(fresh.store).verify() == []
    keys = [record.figures["key"] for record in read(fresh.evidence, "signature")]
    assert keys[-2:] == [pair.fingerprint, other.fingerprint]
    with Database.of(fresh).reading() as connection:
        assert [row.action for row in audit.rows_of(connection)][-2:] == ["sign", "sign"]


def test_a_bundle_in_a_folder_is_signed_there(
    trained: Trained, fresh: Workspace, pair: KeyPair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TABI_SIGNING_KEY")
    released = release(fresh, trained.name, trained.runs[0])
    copy = tmp_path / "copy"
    shutil.copytree(released.folder, copy)
    monkeypatch.setenv("TABI_SIGNING_KEY", str(pair.private))
    sign_ref(fresh, str(copy))
    assert verify(copy, trusting(pair)).id == released.bundle
    assert not (released.folder / "model.sig").exists()
