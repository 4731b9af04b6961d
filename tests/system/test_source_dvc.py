"""Real DVC: rows at a revision, from a local remote and from S3; and the snapshot as a file that DVC tracks."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
import yaml

from tabi.data import Parent, fetch, lineage_of
from tabi.data.tracking import snapshot_of_tracked
from tabi.errors import ConfigError, SourceError
from tabi.project import ProjectConfig
from tabi.workspace import Workspace
from tests.data.reading import fetch_rows
from tests.system.conftest import PythonWith
from tests.system.moto import KEYS, MOTO, s3_server

pytestmark = pytest.mark.system

DVC = "dvc[s3]==3.67.1"
ROWS = [pd.DataFrame({"a": [1, 2], "left": ["no", "yes"]}), pd.DataFrame({"a": [3, 4], "left": ["no", "yes"]})]


@pytest.fixture(scope="module")
def dvc(python_with: PythonWith) -> Path:
    return python_with(DVC).with_name("dvc")


@pytest.fixture(scope="module")
def address(python_with: PythonWith) -> Iterator[str]:
    with s3_server(python_with(MOTO)) as address:
        yield address


@pytest.fixture(autouse=True, scope="module")
def commands(dvc: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The commands, with settings and caches of their own."""
    home = tmp_path_factory.mktemp("home")
    only = home / "bin"
    only.mkdir()
    (only / "dvc").symlink_to(dvc)
    settings = {
        "PATH": f"{only}{os.pathsep}{os.environ['PATH']}",
        "HOME": home,
        "XDG_CACHE_HOME": home,
        "DVC_SITE_CACHE_DIR": home / "site",
        "DVC_NO_ANALYTICS": "1",
    }
    who = {
        f"GIT_{role}_{key}": value
        for role in ("AUTHOR", "COMMITTER")
        for key, value in (("NAME", "Tabi"), ("EMAIL", "tabi@example.org"))
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**settings, **who, **KEYS}.items():
            patch.setenv(name, str(value))
        yield


def run(folder: Path, *command: str) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def make_repository(folder: Path, remote: str, **options: str) -> list[str]:
    """A repository whose data/rows.csv has two versions, pushed and tagged v1 and v2; and their commits."""
    folder.mkdir(exist_ok=True)
    run(folder, "git", "init", "-q", "-b", "main")
    run(folder, "dvc", "init", "-q")
    run(folder, "dvc", "remote", "add", "-d", "store", remote)
    for name, value in options.items():
        run(folder, "dvc", "remote", "modify", "store", name, value)
    commits = []
    for number, rows in enumerate(ROWS, 1):
        (folder / "data").mkdir(exist_ok=True)
        rows.to_csv(folder / "data" / "rows.csv", index=False)
        run(folder, "dvc", "add", "-q", "data/rows.csv")
        run(folder, "git", "add", "-A")
        run(folder, "git", "commit", "-q", "-m", f"Rows {number}")
        run(folder, "git", "tag", "-a", f"v{number}", "-m", "x")
        commits.append(run(folder, "git", "rev-parse", "HEAD").strip())
    run(folder, "dvc", "push", "-q", "-a", "-T")
    # what is fetched must come from the remote
    shutil.rmtree(folder / ".dvc" / "cache")
    return commits


@pytest.fixture(scope="module")
def template(commands: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository to copy; its remote is a folder, and stays where it is."""
    folder = tmp_path_factory.mktemp("template") / "repository"
    make_repository(folder, str(tmp_path_factory.mktemp("remote")))
    return folder


@pytest.fixture
def repository(template: Path, workspace: Workspace) -> Path:
    """The workspace, in a repository."""
    shutil.copytree(template, workspace.root, dirs_exist_ok=True)
    return workspace.root


def config(source: str) -> ProjectConfig:
    return ProjectConfig(name="p", source=source, target="left")


def test_a_file_at_a_revision_of_the_projects_own_repository(repository: Path, workspace: Workspace) -> None:
    for number in (1, 2):
        commit = run(repository, "git", "rev-parse", f"v{number}^{{commit}}").strip()
        snapshot = fetch(workspace, config(f"dvc:data/rows.csv@v{number}")).snapshot
        assert next(iter(snapshot.table().frames()))["a"].tolist() == ROWS[number - 1]["a"].tolist()
        md5 = hashlib.md5(ROWS[number - 1].to_csv(index=False).encode(), usedforsecurity=False).hexdigest()
        assert snapshot.parents == (Parent(kind="dvc", name="data/rows.csv", digest=f"md5:{md5}", revision=commit),)
    # the working tree and its cache are as they were
    assert "modified" not in run(repository, "dvc", "data", "status")


def test_a_file_of_another_repository_with_its_remote_on_s3(
    workspace: Workspace, tmp_path_factory: pytest.TempPathFactory, address: str
) -> None:
    from pyarrow import fs

    system = fs.S3FileSystem(endpoint_override=address, region=KEYS["AWS_REGION"], allow_bucket_creation=True)
    system.create_dir("dvc-remote")
    other = tmp_path_factory.mktemp("other") / "repository"
    commits = make_repository(other, "s3://dvc-remote/files", endpointurl=address)
    for place, revision in ((str(other), "v1"), (other.as_uri(), commits[0])):
        assert fetch_rows(f"dvc:{place}#data/rows.csv@{revision}", workspace)["a"].tolist() == [1, 2]
    snapshot = fetch(workspace, config(f"dvc:{other.as_uri()}#data@main")).snapshot
    assert [(p.name, p.revision) for p in snapshot.parents] == [(f"{other.as_uri()}#data/rows.csv", commits[1])]
    assert not list(workspace.store.glob(".dvc-*"))


@pytest.mark.usefixtures("repository")
def test_what_is_not_there_is_told_in_one_line(workspace: Workspace) -> None:
    for source, error, told in (
        ("dvc:data/rows.csv", ConfigError, "needs a path and a revision"),
        ("dvc:data/rows.csv@v9", SourceError, "revision 'v9' cannot be found: git says: fatal:"),
        ("dvc:data/none.csv@v1", SourceError, "'data/none.csv' at 'v1' cannot be fetched: dvc says: ERROR:"),
        ("dvc:.dvcignore@v1", SourceError, "is neither .csv nor .parquet"),
    ):
        with pytest.raises(error, match=told) as caught:
            fetch_rows(source, workspace)
        assert "\n" not in str(caught.value)


UP_TO_DATE = "Data and pipelines are up to date."


@pytest.fixture
def project(repository: Path) -> Path:
    """The repository with the folder of the project `p`, and rows for it."""
    (repository / ".gitignore").write_text("/store/\n")
    (repository / "projects" / "p").mkdir(parents=True)
    ROWS[0].to_csv(repository / "rows.csv", index=False)
    return repository


def test_the_snapshot_is_a_file_that_dvc_tracks(project: Path, workspace: Workspace) -> None:
    first = fetch(workspace, config("csv:rows.csv"))
    assert first.tracked is not None
    assert (first.tracked.file, first.tracked.cached) == (project / "projects" / "p" / "snapshot.dvc", True)
    assert run(project, "dvc", "status", str(first.tracked.file)).strip() == UP_TO_DATE

    # from the commit to the data of a model, and back
    tracked = yaml.safe_load(first.tracked.file.read_text())
    assert tracked["meta"]["tabi"]["digest"] == first.snapshot.digest
    assert lineage_of(first.snapshot).md5 == tracked["outs"][0]["md5"]
    assert snapshot_of_tracked(workspace, "p", tracked["outs"][0]["md5"]) == first.snapshot

    run(project, "git", "add", "projects")
    run(project, "git", "commit", "-q", "-m", "Data of the first model")
    run(project, "dvc", "push", "-q", str(first.tracked.file))
    ROWS[1].to_csv(project / "rows.csv", index=False)
    second = fetch(workspace, config("csv:rows.csv"))
    assert second.tracked is not None
    assert yaml.safe_load(second.tracked.file.read_text())["meta"]["tabi"]["digest"] == second.snapshot.digest

    # the data of the committed model comes back from the remote, byte by byte
    run(project, "git", "checkout", "-q", "projects")
    first.snapshot.path.unlink()
    shutil.rmtree(project / ".dvc" / "cache")
    run(project, "dvc", "pull", "-q", str(first.tracked.file))
    assert hashlib.md5(first.snapshot.path.read_bytes(), usedforsecurity=False).hexdigest() == first.snapshot.md5


def test_without_the_command_the_file_is_written_and_dvc_accepts_it_later(
    project: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("PATH", os.defpath)
        fetched = fetch(workspace, config("csv:rows.csv"))
    assert fetched.tracked is not None
    assert not fetched.tracked.cached
    before = fetched.tracked.file.read_text()
    run(project, "dvc", "commit", "-q", "-f", str(fetched.tracked.file))
    assert run(project, "dvc", "status", str(fetched.tracked.file)).strip() == UP_TO_DATE
    assert yaml.safe_load(fetched.tracked.file.read_text()) == yaml.safe_load(before)


def test_outside_of_a_repository_nothing_is_tracked(workspace: Workspace) -> None:
    ROWS[0].to_csv(workspace.root / "rows.csv", index=False)
    fetched = fetch(workspace, config("csv:rows.csv"))
    assert fetched.tracked is None
    assert fetched.snapshot.md5 is None
