"""`tabi dod` and `tabi card` over what a demo left."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tabi.dod import CONDITIONS
from tests.cli.conftest import Demonstrated, Tabi


@pytest.fixture
def home(demonstrated: Demonstrated) -> Path:
    return demonstrated.root


def test_the_table_fits_80_columns_and_ends_with_the_score(
    home: Path, tabi: Tabi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    said = tabi(home, "dod")
    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[0].startswith("breast_cancer, bundle ")
    assert all(len(line) <= 80 for line in lines)
    assert sum(line.lstrip()[:1] in "✓~✗·" for line in lines if line.strip()) == len(CONDITIONS)
    assert lines[-2].startswith("ML Test Score ")


def test_json_and_the_page_say_the_same(home: Path, tabi: Tabi, tmp_path: Path) -> None:
    page = tmp_path / "dod.html"
    said = tabi(home, "dod", "breast_cancer", "--json", "--html", str(page))
    assert said.code == 0
    report = json.loads(said.out)
    statuses = {each["key"]: each["status"] for each in report["conditions"]}
    assert set(statuses) == set(CONDITIONS)
    assert statuses["data_tied_to_model"] == statuses["model_card_generated"] == "done"
    assert len(report["score"]["tests"]) == 28
    assert report["score"]["final"] == min(report["score"]["sections"].values())
    text = page.read_text(encoding="utf-8")
    assert all(f'<article id="{key}" class="{status}">' in text for key, status in statuses.items())
    assert "<script" not in text
    assert "http" not in text
    for link in (each["link"] for each in report["conditions"] if each["link"]):
        assert link.rpartition("/")[2] in text


def test_layers_that_are_required_decide_the_exit_code(home: Path, tabi: Tabi) -> None:
    assert tabi(home, "dod", "--require", "2").code == 0
    lacking = tabi(home, "dod", "--require", "2,7-8")
    assert lacking.code == 1
    assert "drift_detected" in lacking.err
    assert "environment_locked" not in lacking.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--require", "0-11"], "layers go from 0 to 10"),
        (["--require", "5-2"], "layers go from 0 to 10"),
        (["--require", "x"], "give layers as in 0-5,9"),
        (["nobody"], "known: breast_cancer"),
    ],
)
def test_what_cannot_be_asked_is_told_on_one_line(home: Path, tabi: Tabi, arguments: list[str], says: str) -> None:
    said = tabi(home, "dod", *arguments)
    assert (said.code, len(said.err.splitlines())) == (2, 1)
    assert says in said.err


def test_a_card_is_printed_or_written_as_a_page(home: Path, tabi: Tabi, tmp_path: Path) -> None:
    said = tabi(home, "card", "breast_cancer")
    assert said.code == 0
    assert said.out.startswith("---\n")
    assert "\n# breast\\_cancer\n" in said.out
    page = tmp_path / "card.html"
    assert tabi(home, "card", "breast_cancer@champion", "--html", str(page)).code == 0
    assert "<h1>breast_cancer</h1>" in page.read_text(encoding="utf-8")
    assert tabi(home, "card", "breast_cancer", "--html", str(tmp_path / "none" / "card.html")).code == 2


def test_a_bundle_of_before_there_were_pages_says_what_to_do(tabi: Tabi, tmp_path: Path) -> None:
    golden = Path(__file__).resolve().parents[1] / "golden" / "format-1"
    shutil.copytree(golden, tmp_path / "old")
    said = tabi(tmp_path, "card", str(tmp_path / "old"), "--html", "card.html")
    assert said.code == 2
    assert "release it again" in said.err
