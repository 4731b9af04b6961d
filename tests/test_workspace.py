"""Where things lie."""

from pathlib import Path

import pytest

from tabi.workspace import Workspace, without_secrets


def test_the_root_is_the_nearest_folder_upwards_with_projects(tmp_path: Path) -> None:
    (tmp_path / "projects").mkdir()
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)
    assert Workspace.find(inside, {}).root == tmp_path.resolve()


def test_without_projects_the_root_is_the_start(tmp_path: Path) -> None:
    assert Workspace.find(tmp_path, {}).root == tmp_path.resolve()


def test_every_default_is_below_the_root(tmp_path: Path) -> None:
    found = Workspace.find(tmp_path, {})
    root = tmp_path.resolve()
    assert (found.store, found.data_cache, found.projects) == (root / "store", root / "data_cache", root / "projects")
    assert (found.logs, found.artifacts, found.evidence) == (root / "logs", root / "artifacts", root / "evidence")
    assert found.tracking_uri == f"sqlite:///{root}/tracking/mlflow.db"
    assert (found.state_url, found.identity) == (f"sqlite:///{root}/state/tabi.db", root / "identity.toml")


def test_each_variable_moves_one_place(tmp_path: Path) -> None:
    places = (tmp_path.resolve() / name for name in ("home", "store", "cache", "log", "who", "proof"))
    home, store, cache, log, who, proof = places
    found = Workspace.find(
        tmp_path,
        {
            "TABI_HOME": str(home),
            "TABI_STORE": str(store),
            "TABI_DATA_CACHE": str(cache),
            "TABI_PREDICTIONS": str(log),
            "TABI_TRACKING_URI": "http://tracking:5000",
            "TABI_STATE": "postgresql://somewhere/tabi",
            "TABI_IDENTITY": str(who),
            "TABI_EVIDENCE": str(proof),
        },
    )
    assert found == Workspace(
        home,
        store,
        "http://tracking:5000",
        cache,
        log,
        state_url="postgresql://somewhere/tabi",
        identity=who,
        evidence_folder=proof,
    )
    assert found.evidence == proof


def test_an_empty_variable_counts_as_unset(tmp_path: Path) -> None:
    empty = dict.fromkeys(("TABI_HOME", "TABI_STORE", "TABI_DATA_CACHE", "TABI_TRACKING_URI"), "")
    assert Workspace.find(tmp_path, empty) == Workspace.find(tmp_path, {})


def test_asking_creates_nothing(tmp_path: Path) -> None:
    found = Workspace.find(tmp_path, {})
    assert not found.store.exists()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sqlite:////srv/tabi.db", "sqlite:////srv/tabi.db"),
        ("postgresql://tabi@host/db", "postgresql://tabi@host/db"),
        ("postgresql+psycopg://tabi:hunter2@host:5432/db", "postgresql+psycopg://tabi:***@host:5432/db"),
        ("postgresql://tabi:hun@ter2/?:@host/db", "postgresql://tabi:***@host/db"),
        ("postgresql://:hunter2@host/db", "postgresql://:***@host/db"),
        (
            "postgresql:///db?user=me&Password=hunter2&sslmode=require",
            "postgresql:///db?user=me&Password=***&sslmode=require",
        ),
        ("http://tracking:5000", "http://tracking:5000"),
        ("databricks", "databricks"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    assert without_secrets(url) == shown


def test_a_workspace_does_not_show_the_password_of_its_database(tmp_path: Path) -> None:
    assert "hunter2" not in repr(Workspace.find(tmp_path, {"TABI_STATE": "postgresql://tabi:hunter2@host/db"}))
