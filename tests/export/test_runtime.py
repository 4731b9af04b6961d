"""Where onnxruntime-web comes from, and that nothing else passes for it."""

from __future__ import annotations

import io
import stat
import tarfile
from pathlib import Path

import pytest

from tabi.errors import ConfigError
from tabi.export.runtime import CODE, DIGESTS, VERSION, WASM, cache_folder, find_runtime


def archive(folder: Path) -> bytes:
    """A package of npm's form with other content."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as package:
        for name in DIGESTS:
            found = tarfile.TarInfo(f"package/dist/{name}")
            found.size = 4
            package.addfile(found, io.BytesIO(b"evil"))
    path = folder / "onnxruntime-web.tgz"
    path.write_bytes(out.getvalue())
    return out.getvalue()


def npm(folder: Path, script: str) -> dict[str, str]:
    """An environment whose npm is this script, and whose copies lie in the folder."""
    program = folder / "bin" / "npm"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return {"PATH": f"{program.parent}:/usr/bin:/bin", "XDG_CACHE_HOME": str(folder / "cache")}


@pytest.mark.parametrize("place", [".", "dist", "node_modules/onnxruntime-web/dist"])
def test_a_folder_with_other_content_is_refused(place: str, tmp_path: Path) -> None:
    folder = tmp_path / place
    folder.mkdir(parents=True, exist_ok=True)
    for name in DIGESTS:
        (folder / name).write_text("evil")
    with pytest.raises(ConfigError, match=f"{CODE} .* is not that of onnxruntime-web {VERSION}"):
        find_runtime(tmp_path)


def test_a_folder_without_the_files_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=WASM):
        find_runtime(tmp_path)
    with pytest.raises(ConfigError, match="--runtime"):
        find_runtime(tmp_path / "nowhere")


def test_a_package_file_with_other_content_is_refused(tmp_path: Path) -> None:
    archive(tmp_path)
    with pytest.raises(ConfigError, match="as it was published"):
        find_runtime(tmp_path / "onnxruntime-web.tgz")


def test_a_registry_that_gives_another_package_is_refused(tmp_path: Path) -> None:
    archive(tmp_path)
    # the fourth argument is the folder that npm pack writes into
    environ = npm(tmp_path, f'cp {tmp_path}/onnxruntime-web.tgz "$4"')
    with pytest.raises(ConfigError, match="as it was published"):
        find_runtime(environ=environ)
    assert not cache_folder(environ).exists()


def test_npm_is_asked_for_one_version_and_runs_no_script_of_it(tmp_path: Path) -> None:
    environ = npm(tmp_path, f'echo "$@" > {tmp_path}/asked; exit 7')
    with pytest.raises(ConfigError, match=r"exit 7.*--runtime"):
        find_runtime(environ=environ)
    asked = (tmp_path / "asked").read_text().split()
    assert asked[:2] == ["pack", f"onnxruntime-web@{VERSION}"]
    assert "--ignore-scripts" in asked


def test_without_npm_it_says_what_to_do(tmp_path: Path) -> None:
    environ = {"PATH": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    with pytest.raises(ConfigError, match=r"there is no npm.*install Node, or give --runtime"):
        find_runtime(environ=environ)


def test_a_copy_that_was_changed_is_not_used(tmp_path: Path) -> None:
    environ = {"PATH": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    copy = cache_folder(environ)
    copy.mkdir(parents=True)
    for name in DIGESTS:
        (copy / name).write_text("evil")
    with pytest.raises(ConfigError, match="there is no npm"):
        find_runtime(environ=environ)
