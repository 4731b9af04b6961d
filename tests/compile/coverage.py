"""docs/compiler.md: which public classes of scikit-learn are converted and proved, which are refused and why.

`python -m tests.compile.coverage` writes the page; `test_coverage.py` fails when it differs from what is written.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import sklearn
import sklearn.experimental.enable_halving_search_cv
import sklearn.experimental.enable_iterative_imputer
from sklearn.utils import all_estimators

from tabi.compile.refused import REFUSED
from tests.compile.cases import SPECS, Spec

PAGE = Path(__file__).resolve().parents[2] / "docs" / "compiler.md"
KINDS = {
    "full": "numbers",
    "missing": "numbers, missing",
    "even": "numbers",
    "positive": "numbers above 0",
    "counts": "counts",
    "codes": "codes",
    "texts": "categories, missing",
    "mixed": "numbers, categories, missing",
    "prose": "texts, missing",
}

HEAD = """# What the compiler converts

Written by `python -m tests.compile.coverage` from the tests; a test fails when this page is not what they prove. It
covers every class of scikit-learn {version}'s public list, and the halving searches: {proved} are converted and proved,
{refused} are refused by name.

Proved means: `tests/compile/test_proved.py` draws tables, hyperparameters, missing values, unknown categories, ±1e15
and the smallest numbers where the class bears them, and values exactly at its thresholds, and compares graph and
scikit-learn at 1e-9 in float64, relative above 1. It compares each row alone with batches of 2, 3, 7, 8, 16, 33 and 100
rows, byte by byte. A class without such a test cannot be on this list. A release proves the whole pipeline again on its
own rows: see [the proof](proof.md). `TABI_COMPILE_EXAMPLES=100` draws a hundred new examples of each class, and
`TABI_COMPILE_REPORT=FILE` takes the largest differences found.

Options that the test does not draw may be refused; the error names the step, the option and what to use instead. A
subclass is refused, as it may compute something else.

Where columns are marked "none enormous", rounding decides about numbers far beyond those of the fit (a cosine of 1e18,
say). Put a scaler with `clip=True` before such a step, or the release refuses the pipeline on its hostile rows.

What gives only a decision and no probabilities (LinearSVC, SVC, RidgeClassifier, Perceptron and their kin) is proved
inside CalibratedClassifierCV, and the release takes it there.

What the graph avoids, because onnxruntime computes it otherwise:

- Exp, Log, Tanh, Sigmoid, Softmax, Sin and Cos differ in the last bit between a row alone and a batch, and ReduceSum
  depends on how a row lies in memory. The graph takes powers and products instead.
- A division or product by one number beside a MatMul is fused with it, and that number becomes float32: an error of
  1e-8 in a float64 graph. The graph takes Gemm, which is not fused.
"""


def page() -> str:
    """The page as the tests have it."""
    public = public_classes()
    proved = {spec.cls.__name__ for spec in SPECS}
    refused = [name for name in public if name not in proved]
    lines = [HEAD.format(version=sklearn.__version__, proved=len(proved), refused=len(refused))]
    lines += ["## Converted and proved", "", "| class | gives | columns | options drawn |", "|---|---|---|---|"]
    lines += [_row(name, [spec for spec in SPECS if spec.cls.__name__ == name]) for name in sorted(proved)]
    lines += ["", "## Refused", "", "| class | why, and what to do |", "|---|---|"]
    lines += [f"| {name} | {REFUSED.get(name, 'no reason is written')} |" for name in refused]
    return "\n".join([*lines, ""])


def public_classes() -> dict[str, type]:
    """Every public estimator of scikit-learn by name."""
    return dict(all_estimators())


def _row(name: str, specs: Iterable[Spec]) -> str:
    specs = list(specs)
    given = dict.fromkeys(_gives(spec, classes) for spec in specs for classes in spec.classes)
    columns = dict.fromkeys(_columns(spec) for spec in specs)
    options = dict.fromkeys(option for spec in specs for option in spec.options if option != "random_state")
    return f"| {name} | {' · '.join(given)} | {' · '.join(columns)} | {', '.join(options) or 'none'} |"


def _columns(spec: Spec) -> str:
    bounded = not spec.extreme and spec.kind not in ("counts", "codes", "texts", "prose")
    return f"{KINDS[spec.kind]}{', none enormous' if bounded else ''}"


def _gives(spec: Spec, classes: int) -> str:
    if spec.transformer or not hasattr(spec.cls, "predict"):
        return "columns"
    return {0: "a number", 2: "two classes"}.get(classes, "more classes")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
