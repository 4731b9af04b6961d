"""The page stands alone, shows what the report says, and obeys no tag that anybody wrote."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from tabi import evidence
from tabi.cli.main import app
from tabi.errors import ConfigError
from tabi.monitoring.page import KIND, page_of, write_page
from tabi.monitoring.page.charts import MOST_BINS, distributions, interval, over_time
from tabi.monitoring.question import Asked
from tabi.monitoring.report import Report, monitor
from tabi.predictions import PredictionLine
from tabi.predictions.feedback import FeedbackLine, FeedbackLog
from tabi.workspace import Workspace
from tests.monitoring.conftest import NAME, Write

HOURS = Asked(NAME, timedelta(days=1), timedelta(hours=1))
VOID = {"meta", "br", "line", "rect", "path", "circle"}
# what HTML ends by itself
OPEN = {"p", "tr", "td", "th", "thead", "tbody"}


class Reader(HTMLParser):
    """Tags that were opened, and whether each was ended in turn."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.stack: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self.tags.append(tag)
        if tag not in VOID and tag not in OPEN:
            self.stack.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in OPEN and tag not in VOID:
            assert self.stack.pop() == tag


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    assert not reader.stack
    return reader


@pytest.fixture
def report(home: Workspace, write: Write, version: str) -> Report:
    begin = time.time() - 3 * 3600
    rows = 300
    write(
        PredictionLine(
            f"r{row}", 0, begin + 30 * row, NAME, version if row % 2 else "c" * 64, [30.0, 2.0, "<b>", "x"],
            "yes" if row % 3 else "no", row % 10 / 10 + 0.05, [("", "rare")], 1.0, "<arm>",
        )
        for row in range(rows)
    )  # fmt: skip
    told = [FeedbackLine(f"r{row}", begin, NAME, begin, id=f"r{row}", label="yes") for row in range(0, rows, 3)]
    told += [FeedbackLine(f"r{row}", begin, NAME, begin, id=f"r{row}", label="no") for row in range(1, rows, 3)]
    FeedbackLog(home.predictions).append(told)
    return monitor(home, HOURS)


def test_the_page_stands_alone_and_shows_all_of_the_report(report: Report, version: str) -> None:
    page = page_of(report)
    reader = read(page)
    assert "script" not in reader.tags
    assert not re.search(r"(?:src|href)=\"(?!#)", page)
    assert "@import" not in page
    assert "url(" not in page
    for key, found in report.sections.items():
        assert f'id="{key}"' in page
        assert found.title in page
    for told in (version[:12], "cccccccccccc", "town", "auc", "prefers-color-scheme:dark", "@media print"):
        assert told in page
    assert page.count("<svg") > len(report.sections["drift"].figures["columns"])


def test_whatever_people_wrote_is_escaped(report: Report) -> None:
    assert "<arm>" not in page_of(report)
    assert "&lt;arm&gt;" in page_of(report)
    bad = "<img src=x onerror=alert(1)>"
    replace = msgspec.structs.replace
    found = {key: replace(each, title=bad, reason=bad, lines=[bad]) for key, each in report.sections.items()}
    drift = msgspec.to_builtins(found["drift"].figures)
    for column in drift["columns"]:
        column["column"] = bad
    found["drift"] = msgspec.structs.replace(found["drift"], figures=drift)
    page = page_of(Report(bad, bad, bad, bad, "warn", found))
    assert "<img" not in page
    read(page)


def test_pictures_stay_within_their_frame() -> None:
    many = distributions([f"is {i}" for i in range(60)], [i / 1770 for i in range(60)], [1 / 60] * 60)
    assert many.count("<g>") == MOST_BINS
    assert "is 59: 3.3% then, 1.7% now" in many
    read(distributions(["le +Inf"], [0.0], [0.0]))
    for drawn in (interval(0.5, None, None, None, (0.5, 0.5)), interval(2.0, 0.1, 0.9, 0.3, (0.0, 1.0))):
        read(drawn)
        assert all(0 <= float(x) <= 190 for x in re.findall(r'c?x[12]?="([-\d.]+)"', drawn))
    assert over_time([("a", 0.2, True), ("b", 0.01, False)], 0.1).count('class="alarm"') == 1


def test_the_command_writes_it_and_leaves_evidence(
    home: Workspace, report: Report, version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("TABI_HOME", home.root), ("TABI_STORE", home.store)):
        monkeypatch.setenv(name, str(value))
    done = CliRunner().invoke(app, ["monitor", NAME, "--html", str(home.root / "page.html")])
    assert done.exit_code == 0, done.output
    assert (home.root / "page.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    *_, record = evidence.read(home.evidence, KIND)
    assert record.inputs["bundle"] == version
    assert record.figures["page"] == "page.html"
    assert record.figures["models"] == sorted([version, "c" * 64])
    with pytest.raises(ConfigError, match="name a file in a folder that is there"):
        write_page(home, report, tmp_path / "none" / "page.html")
