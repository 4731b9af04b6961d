"""How each class that the compiler converts is proved. The property test and docs/compiler.md read this list."""

from __future__ import annotations

from tests.compile.cases import classifiers, ensembles, regressors, texts, transformers, wrappers
from tests.compile.cases.spec import Spec, Table

SPECS: tuple[Spec, ...] = (
    *transformers.SPECS,
    *texts.SPECS,
    *classifiers.SPECS,
    *ensembles.SPECS,
    *wrappers.SPECS,
    *regressors.SPECS,
)

__all__ = ["SPECS", "Spec", "Table"]
