"""What the documents say must be so."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from benchmarks.incidents.pages import line_of

REPOSITORY = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")])


def text_of(name: str) -> str:
    return (REPOSITORY / name).read_text(encoding="utf-8")


def test_both_readmes_have_the_same_shell_blocks_and_as_many_headings() -> None:
    english, japanese = text_of("README.md"), text_of("README.ja.md")
    pattern = re.compile(r"```sh\n(.*?)```", flags=re.DOTALL)
    assert pattern.findall(english) == pattern.findall(japanese)
    assert english.count("\n## ") == japanese.count("\n## ")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_to_a_file_leads_somewhere(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text):
        if "://" not in link and not link.startswith("mailto:"):
            assert (document.parent / link).exists(), f"{document.name} links to {link}"


def test_lock_files_name_versions_and_hashes_and_no_address() -> None:
    locks = sorted((REPOSITORY / "locks").glob("*.txt"))
    assert [lock.stem for lock in locks] == ["build", "dev", "image", "serve", "train"]
    for lock in [*locks, *(REPOSITORY / "locks" / "tools").glob("*.txt")]:
        text = lock.read_text(encoding="utf-8")
        assert "://" not in text
        pins = re.findall(r"^[A-Za-z0-9][^ ]*==[^ ]+.*$", text, flags=re.MULTILINE)
        assert pins
        assert all(pin.rstrip().endswith("\\") for pin in pins), "a pin without a hash"


def test_the_packaged_example_is_the_project_that_it_was_copied_from() -> None:
    example = REPOSITORY / "src" / "tabi" / "project" / "examples" / "breast_cancer.yaml"
    assert example.read_text() == (REPOSITORY / "projects" / "breast_cancer" / "config.yaml").read_text()


RUNBOOKS = sorted(path for path in (REPOSITORY / "docs" / "runbooks").glob("*.md") if path.name != "README.md")
# what only AWS itself can do
ELSEWHERE = {"assume-role", "circuit-breaker"}


def test_every_runbook_says_how_long_it_took_by_figures_that_were_measured() -> None:
    incidents = json.loads(text_of("docs/evidence/incidents.json"))["incidents"]
    assert {path.stem for path in RUNBOOKS} == incidents.keys() | ELSEWHERE
    for path in RUNBOOKS:
        _, _, told = path.read_text(encoding="utf-8").partition("\n## How long\n\n")
        assert told, f"{path.name} does not say how long it took"
        if path.stem in ELSEWHERE:
            assert "cannot be made here" in told
            continue
        assert told.startswith(line_of(path.stem, incidents[path.stem]) + "\n"), f"{path.name}: other figures"
        assert incidents[path.stem]["mended_s"] > 0


def test_every_runbook_stands_in_the_list() -> None:
    listed = re.findall(r"^\| \[([\w-]+)\]\(\1\.md\) \|", text_of("docs/runbooks/README.md"), flags=re.MULTILINE)
    assert sorted(listed) == [path.stem for path in RUNBOOKS]
