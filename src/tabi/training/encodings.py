"""The key `encoding`: how categorical columns reach an estimator that takes numbers.

The target encoder stands inside the pipeline. Its `fit_transform` encodes each training row by the targets of other
training rows, fold by fold, and the search fits it on a fold's training rows alone: no row's own target reaches what is
learnt from it or what it is scored by.
"""

from __future__ import annotations

from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction import FeatureHasher
from sklearn.impute import SimpleImputer
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler, TargetEncoder

from tabi.contract import Contract, Task
from tabi.errors import ConfigError
from tabi.project.config import Encoding
from tabi.training.preparation import CATEGORIES, ONEHOT, onehot_categories

# the parameter by which a candidate names its encoding
ENCODING = "encoding"
NATIVE = "native"
# of the target encoder's own cross-fitting
FOLDS = 5
# hashed columns of a column: a power of two
FEWEST_HASHED, MOST_HASHED = 16, 256
# said, not inferred: whole numbers of a regression would be taken for classes
TARGET_TYPES: dict[Task, str] = {"binary": "binary", "multiclass": "multiclass", "regression": "continuous"}


def encodings_of(preset: str) -> list[str]:
    """What a search tries for a preset. That of all presets but `native` is `onehot` already."""
    own = [Encoding.preset.value] if preset == NATIVE else []
    return [*own, Encoding.onehot.value, Encoding.target.value, Encoding.hash.value]


def encoded(
    preset: str, prep: ColumnTransformer, clf: BaseEstimator, encoding: Encoding, contract: Contract, seed: int
) -> ColumnTransformer:
    """The preparation of a preset with its categorical columns encoded otherwise; numbers stay as they are prepared.

    Boosting of the preset `native` is told that it gets no categories. In a stack or vote `native` keeps its codes.
    Raises `ConfigError` where there is nothing to encode.
    """
    if encoding in (Encoding.preset, Encoding.search):
        return prep
    if not contract.categorical:
        raise ConfigError(f"encoding={encoding.value}: the table has no categorical column; leave it at preset")
    if preset == NATIVE:
        clf.set_params(categorical_features=None)
    if encoding is Encoding.onehot:
        return _replaced(prep, onehot_categories())
    if encoding is Encoding.hash:
        return _replaced(prep, _hashed(contract))
    return _replaced(prep, _by_target(contract.target.task, seed, scaled=preset != NATIVE))


def hashed_width(categories: int) -> int:
    """Columns that a column of so many categories is hashed into: the next power of two, within bounds."""
    return min(max(1 << (categories - 1).bit_length(), FEWEST_HASHED), MOST_HASHED)


def _replaced(prep: ColumnTransformer, categories: BaseEstimator) -> ColumnTransformer:
    parts = []
    for name, step, columns in prep.transformers:
        if name == ONEHOT:
            parts.append((name, _replaced(step, categories), columns))
        else:
            parts.append((name, categories if name == CATEGORIES else step, columns))
    return ColumnTransformer(parts, sparse_threshold=prep.sparse_threshold)


def _by_target(task: Task, seed: int, *, scaled: bool) -> Pipeline:
    """The target encoder with folds that the seed draws; boosting of trees needs no scale."""
    kind = KFold if task == "regression" else StratifiedKFold
    folds = kind(FOLDS, shuffle=True, random_state=seed)
    encode = ("encode", TargetEncoder(target_type=TARGET_TYPES[task], cv=folds))
    return Pipeline([encode, ("scale", StandardScaler())] if scaled else [encode])


def _hashed(contract: Contract) -> ColumnTransformer:
    """A hasher for each column: it takes rows of texts, so an imputer that gives them comes first."""
    parts = []
    for i, column in enumerate(contract.categorical):
        impute = SimpleImputer(strategy="constant", fill_value="", keep_empty_features=True)
        hasher = FeatureHasher(hashed_width(len(column.categories)), input_type="string")
        parts.append((f"hash{i}", Pipeline([("impute", impute), ("hash", hasher)]), [column.name]))
    # dense, as all estimators of the presets take it
    return ColumnTransformer(parts, sparse_threshold=0)
