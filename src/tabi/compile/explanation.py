"""`explanation.json` for a release: the fitted pipeline's numbers, the encoder as a graph, and the proof of both."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from threadpoolctl import threadpool_limits

from tabi.bundle import layout
from tabi.bundle.session import Session
from tabi.compile.compiler import Compiled, compile_step
from tabi.compile.hostile import hostile_rows
from tabi.contract import Contract, Tensors
from tabi.errors import ExplanationError
from tabi.explain import Explainer
from tabi.explain.paths import Floats
from tabi.training.explanation import SMALLER, anatomy_of

# test rows, and hostile rows of each kind, that are explained before a bundle may carry explanations
PROVED_ROWS = 200
# of large forests fewer, but not less than these
LEAST_ROWS = 10
NODE_ROWS = 2_000_000
OVERFLOWING = ("very_large", "infinite")


def explanation_of(
    pipeline: Any, compiled: Compiled, contract: Contract, training: pd.DataFrame, test: Tensors, seed: int
) -> bytes:
    """`explanation.json` of a fitted pipeline, whose rows `training` it was fitted on.

    It is proved on test rows and hostile rows: `ExplanationError` if one explanation does not add up, if a step has no
    exact explanation, or if the document would be too large.
    """
    with threadpool_limits(1):
        anatomy = anatomy_of(pipeline, contract, training)
    found = msgspec.structs.replace(anatomy.explanation, encoder=_encoder(anatomy.preparation, contract))
    document = found.to_json()
    most = layout.limit(layout.EXPLANATION)
    if len(document) > most:
        raise ExplanationError(f"explanation.json would have {len(document):,} bytes, over {most:,}: {SMALLER}")
    rows = int(np.clip(NODE_ROWS // max(anatomy.nodes, 1), LEAST_ROWS, PROVED_ROWS))
    _prove(Explainer.of_bundle(document, contract), compiled, contract, test, seed, rows)
    return document


def _encoder(preparation: list[tuple[str, Any]], contract: Contract) -> bytes:
    """The graph of the steps before the last: the contract's tensors -> float64 [N, encoded columns]."""
    steps = [(str(i), step) for i, (_, step) in enumerate(preparation)] or [("as_it_is", FunctionTransformer())]
    return compile_step(Pipeline(steps), contract, transformer=True).models["transform"]


def _prove(explainer: Explainer, compiled: Compiled, contract: Contract, test: Tensors, seed: int, rows: int) -> None:
    """Explain so many test rows and hostile ones of each kind; all have to add up to what the served graph answers."""
    session = Session(compiled.model)
    some = np.sort(np.random.default_rng(seed).permutation(len(test.numeric))[:rows])
    explainer.explain(*_answered(session, test, some))
    for ordeal in hostile_rows(contract, test, compiled.thresholds, seed):
        # numbers that overflow in the sum are refused when they are asked for
        if ordeal.kind not in OVERFLOWING:
            explainer.explain(*_answered(session, ordeal.tensors, np.arange(min(rows, len(ordeal.base)))))


def _answered(session: Session, tensors: Tensors, rows: npt.NDArray[np.int64]) -> tuple[Tensors, Floats]:
    """Those of the rows that have an answer, with it: a linear model has none for a missing value."""
    chosen = Tensors(tensors.numeric[rows], tensors.categorical[rows])
    answers = session.run(chosen)[0]
    kept = np.isfinite(answers).all(axis=1) if answers.ndim > 1 else np.isfinite(answers)
    return Tensors(chosen.numeric[kept], chosen.categorical[kept]), answers[kept]
