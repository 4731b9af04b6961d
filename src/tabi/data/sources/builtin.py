"""`builtin:NAME`: a small table that scikit-learn carries with it. No network."""

from __future__ import annotations

from importlib.metadata import version

from tabi.data.origin import Opened, Parent
from tabi.errors import ConfigError
from tabi.workspace import Workspace


def open_rows(rest: str, workspace: Workspace, query: str | None) -> Opened:  # noqa: ARG001
    """The table, with its `target` as the names of the classes."""
    if rest != "breast_cancer":
        raise ConfigError(f"source 'builtin:{rest}' does not exist; known: builtin:breast_cancer")
    from sklearn.datasets import load_breast_cancer

    bunch = load_breast_cancer(as_frame=True)
    frame = bunch.frame.assign(target=bunch.target_names[bunch.frame["target"]])
    return Opened([frame], [Parent(kind="package", name=f"scikit-learn {rest}", revision=version("scikit-learn"))])
