"""Models of every kind of contract, and a real server of two of them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tabi.contract import Contract, NumericColumn, Target
from tabi.serving.model import Model
from tabi.store import Store
from tests.serving.conftest import Harbour, Server, make_bundle, serving, table

NUMBERS = Contract("numbers", (NumericColumn("age"), NumericColumn("fare")), Target("arrived", ("0", "1")))


@pytest.fixture(scope="session")
def voyage(harbour: Harbour) -> Model:
    """Mixed columns, lenient."""
    return Model.open(harbour.path())


@pytest.fixture(scope="session")
def strict(harbour: Harbour) -> Model:
    """The same columns, strict."""
    return Model.open(harbour.path("strict"))


@pytest.fixture(scope="session")
def linear(harbour: Harbour) -> Model:
    """Mixed columns, and numbers of which some overflow."""
    return Model.open(harbour.path("linear"))


@pytest.fixture(scope="session")
def bundle_of_numbers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Numeric columns only, and classes that are whole numbers."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    from tabi.compile import compile_pipeline
    from tabi.data import frame_of

    tensors, y = table(3)
    tensors = tensors._replace(categorical=np.empty((len(y), 0), dtype=object))
    with threadpool_limits(1):
        fitted = HistGradientBoostingClassifier(max_iter=10).fit(frame_of(tensors, NUMBERS), y)
    graph = compile_pipeline(fitted, NUMBERS).model
    return make_bundle(tmp_path_factory.mktemp("bundle") / "numbers", "numbers", graph, NUMBERS)


@pytest.fixture(scope="session")
def numbers(bundle_of_numbers: Path) -> Model:
    """The model of `bundle_of_numbers`."""
    return Model.open(bundle_of_numbers)


@pytest.fixture(scope="session")
def two_models(harbour: Harbour, bundle_of_numbers: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real server of voyage and numbers. Only to be read."""
    root = tmp_path_factory.mktemp("two") / "store"
    shutil.copytree(harbour.store.root, root)
    store = Store(root)
    store.set_latest("numbers", store.put_bundle(bundle_of_numbers), store.latest("numbers"))
    with serving(root, "voyage", "numbers") as running:
        yield running
