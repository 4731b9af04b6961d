"""Where things lie."""

from pathlib import Path

from tabi.workspace import Workspace


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


def test_each_variable_moves_one_place(tmp_path: Path) -> None:
    home, store, cache, log = (tmp_path / name for name in ("home", "store", "cache", "log"))
    found = Workspace.find(
        tmp_path,
        {
            "TABI_HOME": str(home),
            "TABI_STORE": str(store),
            "TABI_DATA_CACHE": str(cache),
            "TABI_PREDICTIONS": str(log),
            "TABI_TRACKING_URI": "http://tracking:5000",
        },
    )
    assert found == Workspace(home.resolve(), store.resolve(), "http://tracking:5000", cache.resolve(), log.resolve())


def test_an_empty_variable_counts_as_unset(tmp_path: Path) -> None:
    empty = dict.fromkeys(("TABI_HOME", "TABI_STORE", "TABI_DATA_CACHE", "TABI_TRACKING_URI"), "")
    assert Workspace.find(tmp_path, empty) == Workspace.find(tmp_path, {})


def test_asking_creates_nothing(tmp_path: Path) -> None:
    found = Workspace.find(tmp_path, {})
    assert not found.store.exists()
    assert list(tmp_path.iterdir()) == []
