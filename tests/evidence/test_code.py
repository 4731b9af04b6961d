"""One digest of a folder's sources: any change of a name or a byte shows, what tools leave there does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tabi.evidence.code import digest_of


def folder_of(root: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


FILES = {"main.tf": b"a", "policies/one.json": b"{}"}


def test_the_same_files_have_the_same_digest_wherever_they_lie(tmp_path: Path) -> None:
    one, two = folder_of(tmp_path / "one", FILES), folder_of(tmp_path / "two", FILES)
    assert digest_of(one) == digest_of(two)


def test_what_terraform_leaves_does_not_count(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, FILES)
    before = digest_of(folder)
    folder_of(folder, {".terraform/provider": b"x", "terraform.tfstate": b"x", "terraform.tfstate.backup": b"x"})
    assert digest_of(folder) == before


names = st.text("abc", min_size=1, max_size=3)
trees = st.dictionaries(names, st.binary(max_size=3), max_size=3)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(one=trees, two=trees)
def test_two_folders_have_one_digest_only_if_they_are_equal(
    tmp_path_factory: pytest.TempPathFactory, one: dict[str, bytes], two: dict[str, bytes]
) -> None:
    places = [folder_of(tmp_path_factory.mktemp("tree"), files) for files in (one, two)]
    assert (digest_of(places[0]) == digest_of(places[1])) == (one == two)
