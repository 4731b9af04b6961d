"""`builtin:NAME`: a small table that scikit-learn carries with it. No network."""

from __future__ import annotations

import pandas as pd

from tabi.errors import ConfigError
from tabi.workspace import Workspace


def fetch(rest: str, workspace: Workspace) -> pd.DataFrame:  # noqa: ARG001
    """The table, with its `target` as the names of the classes."""
    if rest != "breast_cancer":
        raise ConfigError(f"source 'builtin:{rest}' does not exist; known: builtin:breast_cancer")
    from sklearn.datasets import load_breast_cancer

    bunch = load_breast_cancer(as_frame=True)
    frame: pd.DataFrame = bunch.frame
    return frame.assign(target=bunch.target_names[frame["target"]])
