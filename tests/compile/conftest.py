"""Small tables with everything that breaks converters, and ways to compare graph and pipeline."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from tabi.bundle.session import Session
from tabi.compile import compile_pipeline
from tabi.contract import CategoricalColumn, Contract, NumericColumn, Target, Tensors
from tabi.data import frame_of

TEXTS = ("a", "b", "c d", "東京", "nan", "None")
AGREE = 1e-9
# examples of each property: few and always the same by default, more and new ones where the environment says so
EXAMPLES = int(os.environ.get("TABI_COMPILE_EXAMPLES", "0"))


class Case:
    """A table of random rows with missing values, its contract and its target."""

    def __init__(self, seed: int, rows: int = 60, numeric: int = 2, categorical: int = 2) -> None:
        random = np.random.default_rng(seed)
        scales = 10.0 ** random.integers(-3, 6, numeric)
        numbers = np.round(random.normal(size=(rows, numeric)), int(random.integers(0, 4))) * scales
        numbers[random.random(numbers.shape) < 0.15] = np.nan
        texts = random.choice(np.array(TEXTS, dtype=object), size=(rows, categorical))
        texts[random.random(texts.shape) < 0.15] = ""
        self.tensors = Tensors(numbers, texts.astype(object))
        columns: list[NumericColumn | CategoricalColumn] = [NumericColumn(f"n{i}") for i in range(numeric)]
        columns += [CategoricalColumn(f"c-{i}", TEXTS) for i in range(categorical)]
        # kinds mixed, as in a real table
        self.contract = Contract("case", tuple(columns[::-1]), Target("y", ("no", "yes")))
        self.tensors = Tensors(self.tensors.numeric[:, ::-1].copy(), self.tensors.categorical[:, ::-1].copy())
        signal = np.nan_to_num(numbers / scales).sum(axis=1) + (texts == "a").sum(axis=1)
        self.y = (signal + random.normal(size=rows) > np.median(signal)).astype(np.int8)
        self.y[:10] = [0, 1] * 5

    @property
    def frame(self) -> pd.DataFrame:
        return frame_of(self.tensors, self.contract)

    @property
    def numeric(self) -> list[str]:
        return [c.name for c in self.contract.numeric]

    @property
    def categorical(self) -> list[str]:
        return [c.name for c in self.contract.categorical]


def unseen(case: Case, seed: int) -> Tensors:
    """Rows that the fit did not see, unknown categories and extreme numbers among them."""
    other = Case(seed, 40, len(case.numeric), len(case.categorical)).tensors
    random = np.random.default_rng(seed)
    numeric, texts = other.numeric.copy(), other.categorical.copy()
    numeric[random.random(numeric.shape) < 0.05] = 1e15
    texts[random.random(texts.shape) < 0.1] = "never seen"
    return Tensors(numeric, texts)


def assert_graph_equals_pipeline(pipeline: Any, case: Case, seed: int) -> None:
    """Compile the fitted pipeline and compare it on seen and unseen rows, at once and one by one."""
    session = Session(compile_pipeline(pipeline, case.contract).model)
    for tensors in (case.tensors, unseen(case, seed)):
        expected = pipeline.predict_proba(frame_of(tensors, case.contract))[:, 1]
        actual = session.predict(tensors)
        np.testing.assert_allclose(actual, expected, rtol=0, atol=AGREE)
        single: list[npt.NDArray[np.float64]] = [
            session.predict(Tensors(tensors.numeric[i : i + 1], tensors.categorical[i : i + 1]))
            for i in range(len(actual))
        ]
        assert np.concatenate(single).tobytes() == actual.tobytes()


@pytest.fixture
def case() -> Case:
    return Case(7)


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """OpenMP's threads wait for each other on a busy machine longer than these fits take."""
    with threadpool_limits(1):
        yield
