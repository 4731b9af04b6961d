"""`tabi audit` and `tabi whoami`: what they say, and their exit codes."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
from pathlib import Path

import pytest

from tabi.registry import audit
from tabi.registry.identity import Identity
from tabi.workspace import Workspace
from tests.cli.conftest import Tabi

TOKEN = "0123456789abcdef" * 4  # of the test alone


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    workspace = Workspace.find(tmp_path, {})
    with audit.transaction(workspace) as begun:
        for number in (1, 2, 3):
            begun.record(
                actor=Identity("maria", "token", frozenset()), action="approve", object=f"adult:{number}", reason="good"
            )
    return tmp_path


def test_verify_says_how_many_rows_and_the_head(folder: Path, tabi: Tabi) -> None:
    said = tabi(folder, "audit", "verify")
    assert (said.code, said.err) == (0, "")
    count, head = said.out.splitlines()
    assert count == "3 rows, 3 anchored, 0 findings"
    assert json.loads(tabi(folder, "audit", "export").out.splitlines()[-1])["hash"] == head


def test_verify_names_each_row_that_is_wrong_and_exits_with_1(folder: Path, tabi: Tabi) -> None:
    with sqlite3.connect(folder / "state" / "tabi.db") as connection:
        connection.execute("DROP TRIGGER audit_no_update")
        connection.execute("UPDATE audit SET reason = 'better' WHERE number = 2")
    connection.close()
    said = tabi(folder, "audit", "verify")
    assert said.code == 1
    assert said.out.splitlines()[:3] == [
        "trail: the trigger 'audit_no_update', which refuses changes of the trail, was taken away",
        "row 2: its hash is not that of its fields: one of them was changed",
        "3 rows, 3 anchored, 2 findings",
    ]


def test_a_database_that_was_put_in_its_place_is_found(folder: Path, tabi: Tabi) -> None:
    assert tabi(folder, "audit", "export", "kept.jsonl").out == "3 rows\n"
    shutil.rmtree(folder / "state")
    assert "row 1: this row and those up to 3 are missing" in tabi(folder, "audit", "verify").out
    shutil.rmtree(folder / "evidence")
    assert tabi(folder, "audit", "verify").code == 0
    assert tabi(folder, "audit", "verify", "--against", "kept.jsonl").code == 1
    assert tabi(folder, "audit", "verify", "--against", "nothing.jsonl").err.startswith(
        "tabi: the export nothing.jsonl"
    )


def test_export_as_csv_and_list_by_object(folder: Path, tabi: Tabi) -> None:
    assert tabi(folder, "audit", "export", "--format", "csv").out.splitlines()[0].startswith("number,at,actor,kind")
    listed = tabi(folder, "audit", "list", "--object", "adult:2")
    assert [line.split()[0] for line in listed.out.splitlines()] == ["row", "2"]
    assert len(tabi(folder, "audit", "list", "--last", "1").out.splitlines()) == 2


def test_a_database_that_cannot_be_used_is_one_line(folder: Path, tabi: Tabi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TABI_STATE", "postgresql://tabi:hunter2@127.0.0.1:1/tabi")
    said = tabi(folder, "audit", "verify")
    assert said.code == 1
    assert said.err.startswith("tabi: the state database postgresql://127.0.0.1:1/tabi cannot be reached")
    assert len(said.err.splitlines()) == 1
    shown = tabi(folder, "envinfo").out
    assert "state        postgresql://tabi:***@127.0.0.1:1/tabi" in shown
    assert "hunter2" not in said.err + said.out + shown


def test_whoami_says_name_and_roles_and_no_token(folder: Path, tabi: Tabi, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tabi(folder, "whoami").out.endswith("(user): approver, operator, releaser, trainer\n")
    digest = hashlib.sha256(TOKEN.encode()).hexdigest()
    (folder / "identity.toml").write_text(f'[[token]]\nname = "maria"\nroles = ["approver"]\nsha256 = "{digest}"\n')
    assert tabi(folder, "whoami").out.endswith("(user): no roles\n")
    monkeypatch.setenv("TABI_TOKEN", TOKEN)
    assert tabi(folder, "whoami").out == "maria (token): approver\n"
    monkeypatch.setenv("TABI_TOKEN", TOKEN[::-1])
    said = tabi(folder, "whoami")
    assert (said.code, TOKEN[::-1] in said.err) == (1, False)
