"""`tabi bench` from end to end, with a tiny model and rounds that are too short to mean anything."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tabi.bench.rows import draw_rows
from tabi.cli.main import main
from tabi.evidence import read
from tests.serving.conftest import Harbour, Server, contract
from tests.serving.conftest import harbour as harbour  # noqa: PLC0414 - the same store serves both rooms' tests
from tests.serving.conftest import server as server  # noqa: PLC0414

Tabi = Callable[..., tuple[int, str, str]]
SHORT = ("--seconds", "0.3", "--rounds", "1", "--connections", "4")


@pytest.fixture
def tabi(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path, harbour: Harbour) -> Tabi:
    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setenv("TABI_HOME", str(tmp_path))
        monkeypatch.setenv("TABI_STORE", str(harbour.store.root))
        monkeypatch.setattr(sys, "argv", ["tabi", "bench", *arguments])
        with pytest.raises(SystemExit) as leaving:
            main()
        out, err = capfd.readouterr()
        return int(leaving.value.code or 0), out, err

    return run


def test_the_server_lets_drawn_rows_pass_without_a_warning(server: Server) -> None:
    rows = draw_rows(contract(strict=True), 200)
    status, _, answer = server.ask("POST", "/predict_batch", json.dumps({"rows": rows}).encode())
    assert (status, answer["warnings"]) == (200, [])
    assert len(answer["predictions"]) == 200


@pytest.mark.system
def test_it_prints_a_table_and_a_line_for_programs(tabi: Tabi, tmp_path: Path) -> None:
    code, out, err = tabi("voyage", *SHORT)
    assert code == 0, err
    lines = out.splitlines()
    assert lines[0].split() == ["voyage", "floor", "ratio"]
    assert [line for line in lines if not line.startswith("  ")][:3] == ["1 connection", "4 connections", "process"]
    words = dict(word.split("=") for word in lines[-1].removeprefix("[BENCH] ").split())
    assert (words["ref"], words["connections"], words["errors"]) == ("voyage", "4", "0")
    for name in ("rps_c1", "ratio_c1", "rps_c4", "ratio_c4", "p99_ms", "p99_ratio", "ready_s"):
        assert re.fullmatch(r"[0-9]+(\.[0-9]+)?", words[name]), name
        assert float(words[name]) > 0
    assert err.splitlines()[0] == "round 1 of 1: floor"
    # its rows are nobody's predictions, and its servers are nobody's: the measurement alone leaves evidence
    assert [path.name for path in tmp_path.iterdir()] == ["evidence"]
    (record,) = read(tmp_path / "evidence")
    assert (record.kind, record.subject, record.verdict) == ("bench", "voyage", "pass")
    assert set(record.figures["works"]) == {"c1", "c4"}


@pytest.mark.system
def test_as_json_it_tells_everything_with_rows_of_the_users(tabi: Tabi, tmp_path: Path) -> None:
    rows = tmp_path / "rows.ndjson"
    rows.write_text('{"age": 39, "sex": "male"}\n{"age": 20, "sex": null, "fare": 7}\n', encoding="utf-8")
    code, out, err = tabi("voyage", *SHORT, "--rows", str(rows), "--json")
    assert code == 0, err
    told = json.loads(out)
    assert told["ref"] == "voyage"
    ours, floor = told["ours"]["works"]["c4"], told["floor"]["works"]["c4"]
    assert ours["errors"] == floor["errors"] == 0
    assert told["ratios"]["c4_rps"] == pytest.approx(ours["rps"] / floor["rps"])


@pytest.mark.parametrize("arguments", [("nobody",), ("voyage", "--rows", "absent.ndjson")])
def test_what_does_not_exist_is_one_line_and_exit_2(tabi: Tabi, arguments: tuple[str, ...]) -> None:
    code, out, err = tabi(*arguments, *SHORT)
    assert (code, out) == (2, "")
    assert err.startswith("tabi: ")
    assert err.count("\n") == 1
