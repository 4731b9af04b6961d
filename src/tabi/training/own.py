"""A pipeline of the project's own: `projects/NAME/pipeline.py` with `build(contract)`, and `SPACE` if it is searched.

The code is the user's, like the notebook that it came from: it is run when the project is trained, and by nothing that
serves.
"""

from __future__ import annotations

import traceback
from functools import lru_cache
from types import ModuleType
from typing import Any

from sklearn.base import BaseEstimator, is_regressor
from sklearn.pipeline import Pipeline

from tabi.contract import Contract
from tabi.errors import ConfigError, TabiError

FILE = "pipeline.py"


def own_pipeline(contract: Contract, code: str) -> Pipeline:
    """What the project's `build(contract)` returns. `ConfigError` says what is wrong with it, by line."""
    build = getattr(_module(code), "build", None)
    if not callable(build):
        raise ConfigError(f"{FILE} has no function build(contract): define it, and return a scikit-learn Pipeline")
    try:
        pipeline = build(contract)
    except TabiError:
        raise
    except Exception as error:
        raise ConfigError(f"{FILE}: build(contract) failed with {type(error).__name__}{_line(error)}") from error
    if not isinstance(pipeline, Pipeline) or not pipeline.steps:
        raise ConfigError(
            f"{FILE}: build(contract) returned {type(pipeline).__name__}: return a scikit-learn Pipeline with a step"
        )
    last = pipeline.steps[-1][1]
    if not isinstance(last, BaseEstimator) or not hasattr(last, "fit"):
        raise ConfigError(f"{FILE}: the last step of the pipeline is {type(last).__name__}: it must be an estimator")
    if contract.target.task == "regression":
        if not is_regressor(last):
            raise ConfigError(
                f"{FILE}: {type(last).__name__} predicts no number: end in a regressor, or set another task"
            )
    elif not hasattr(last, "predict_proba"):
        raise ConfigError(f"{FILE}: {type(last).__name__} gives no probabilities: put it inside CalibratedClassifierCV")
    return pipeline


def own_space(code: str) -> dict[str, list[Any]]:
    """The candidate values that the project's `SPACE` names; without one there is a single candidate."""
    space = getattr(_module(code), "SPACE", {})
    if not isinstance(space, dict) or not all(isinstance(values, list) and values for values in space.values()):
        raise ConfigError(f"{FILE}: SPACE must be a dict of parameters with a list of at least one value each")
    return dict(space)


@lru_cache(maxsize=16)
def _module(code: str) -> ModuleType:
    """The code, run once. It stands in no import path, so workers are sent what they need of it."""
    module = ModuleType("project_pipeline")
    try:
        exec(compile(code, FILE, "exec"), module.__dict__)  # noqa: S102 - the project's own code
    except SyntaxError as error:
        raise ConfigError(f"{FILE} is not valid Python at line {error.lineno}: mend it and try again") from error
    except Exception as error:
        raise ConfigError(f"{FILE} failed with {type(error).__name__}{_line(error)}: mend it and try again") from error
    return module


def _line(error: Exception) -> str:
    """Where in the project's file it happened. The text of a foreign error may hold data values, so it is not told."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == FILE]
    return f" at line {lines[-1]}" if lines else ""
