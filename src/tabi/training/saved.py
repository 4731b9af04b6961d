"""A fitted pipeline as a file, without pickle: what is in the file is looked at before anything is made from it."""

from __future__ import annotations

from pathlib import Path
from zipfile import BadZipFile, ZipFile

from sklearn.pipeline import Pipeline

from tabi.errors import BundleError, TrainingError

# of the files in a skops file, which is a ZIP: how many, how large in all, and how much smaller they may lie there
MOST_FILES = 100_000
LARGEST = 2 << 30
MOST_TIMES = 200
# below this a file that is compressed well is no danger
SMALL = 64 << 20

# Types beyond skops' own list that a preset's fitted pipeline holds. Never taken from the file itself.
TRUSTED_TYPES = frozenset(
    {
        "functools.partial",
        "sklearn.utils.validation.check_array",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.model_selection._split.PredefinedSplit",
        "sklearn.model_selection._split.StratifiedKFold",
        "sklearn.tree._tree.Tree",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.utils._bunch.Bunch",
        "numpy.dtype",
    }
)


def save_pipeline(pipeline: Pipeline, path: Path) -> None:
    """Write the pipeline as a skops file. `TrainingError` names a type that could not be read back."""
    from skops.io import dump

    advice = "which cannot be kept without pickle: use scikit-learn's own"
    try:
        dump(pipeline, path)
    except TypeError as error:
        # Python's own text names the type; that of a class of somebody's may hold data values, so it is not told
        what = str(error) if str(error).startswith("cannot pickle") else type(error).__name__
        raise TrainingError(f"the pipeline holds something ({what}), {advice}") from error
    if unknown := _untrusted(path):
        raise TrainingError(f"the pipeline holds the type {unknown[0]!r}, {advice}")


def load_pipeline(path: Path) -> Pipeline:
    """Read what `save_pipeline` wrote. `TrainingError` names the first type that is not trusted, and loads nothing.

    `BundleError` if it would grow beyond all bounds when it is unpacked: nothing is unpacked to find that out.
    """
    from skops.io import load

    _bounded(path)
    if unknown := _untrusted(path):
        raise TrainingError(
            f"{path.name} holds the type {unknown[0]!r}, which is not trusted: train again, and find out who wrote it"
        )
    pipeline: Pipeline = load(path, trusted=sorted(TRUSTED_TYPES))
    return pipeline


def _bounded(path: Path) -> None:
    try:
        with ZipFile(path) as file:
            entries = file.infolist()
    except (BadZipFile, OSError) as error:
        raise BundleError(f"{path.name} is not a whole skops file: take another copy, or train again") from error
    size, packed = sum(e.file_size for e in entries), sum(e.compress_size for e in entries)
    if len(entries) > MOST_FILES or size > LARGEST or (size > SMALL and size > packed * MOST_TIMES):
        raise BundleError(f"{path.name} holds {len(entries)} files of {size} bytes in all: it is refused, train again")


def _untrusted(path: Path) -> list[str]:
    from skops.io import get_untrusted_types

    return sorted(set(get_untrusted_types(file=path)) - TRUSTED_TYPES)
