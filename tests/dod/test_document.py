"""The page of the conditions is what the code says."""

from __future__ import annotations

import re
from pathlib import Path

import typer.main

from tabi.cli.main import app
from tabi.dod import CONDITIONS
from tabi.dod.rubric import SECTIONS, TESTS
from tests.dod.document import PAGE, page

MAKEFILE = Path(__file__).resolve().parents[2] / "Makefile"


def test_the_page_is_what_the_docstrings_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m tests.dod.document"


def test_the_rubric_has_seven_tests_a_section() -> None:
    assert [sum(test.section == section for test in TESTS.values()) for section in SECTIONS] == [7, 7, 7, 7]
    assert all(test.title and test.detail for test in TESTS.values())


def test_every_command_that_a_condition_names_is_there() -> None:
    known = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
    targets = set(re.findall(r"^([a-z-]+):", MAKEFILE.read_text(encoding="utf-8"), flags=re.MULTILINE))
    for each in CONDITIONS.values():
        for word, verb in re.findall(r"\b(tabi|make) ([a-z-]+)", each.command or ""):
            assert verb in (known if word == "tabi" else targets), f"{each.key} names {word} {verb}"
