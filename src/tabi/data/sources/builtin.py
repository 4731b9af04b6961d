"""`builtin:NAME`: a small table that scikit-learn carries with it. No network."""

from __future__ import annotations

from importlib.metadata import version

from tabi.data.origin import Opened, Parent
from tabi.errors import ConfigError
from tabi.workspace import Workspace

# two classes, three, three, ten, and a number
NAMES = ("breast_cancer", "wine", "iris", "digits", "diabetes")


def open_rows(rest: str, workspace: Workspace, query: str | None) -> Opened:  # noqa: ARG001
    """The table, with its `target` as the names of the classes, or as the number that it is."""
    if rest not in NAMES:
        known = ", ".join(f"builtin:{name}" for name in NAMES)
        raise ConfigError(f"source 'builtin:{rest}' does not exist; known: {known}")
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{rest}")(as_frame=True)
    frame = bunch.frame
    if "target_names" in bunch:
        names = bunch.target_names.astype(str)
        frame = frame.assign(target=names[frame["target"]])
    return Opened([frame], [Parent(kind="package", name=f"scikit-learn {rest}", revision=version("scikit-learn"))])
