"""The presets that predict a number. Where one has a namesake among the classifiers, both are searched alike."""

from __future__ import annotations

from dataclasses import replace

from sklearn.base import BaseEstimator
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
)
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import StandardScaler

from tabi.contract import Contract
from tabi.training.preparation import onehot_preparation
from tabi.training.presets import PRESETS, Params, Preset, Space, native_options


def _of_scaled_target(values: Space | Params) -> Space | Params:
    """The parameters of a network as those of one whose target is scaled before it learns."""
    return {
        f"clf__regressor__{name.removeprefix('clf__')}" if name.startswith("clf__") else f"regressor__{name}": value
        for name, value in values.items()
    }


def _network(_: Contract) -> BaseEstimator:
    # a network learns nothing from a target of thousands
    return TransformedTargetRegressor(MLPRegressor(early_stopping=True, max_iter=200), transformer=StandardScaler())


REGRESSORS: dict[str, Preset] = {
    "native": replace(PRESETS["native"], estimator=lambda c: HistGradientBoostingRegressor(**native_options(c))),
    "onehot": replace(PRESETS["onehot"], estimator=lambda _: HistGradientBoostingRegressor()),
    "linear": Preset(onehot_preparation, lambda _: LinearRegression(), fast={}, full={}),
    "ridge": Preset(
        onehot_preparation,
        lambda _: Ridge(),
        fast={"clf__alpha": [1.0, 10.0]},
        full={"clf__alpha": [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0]},
        member={"alpha": 1.0},
    ),
    "forest": replace(PRESETS["forest"], estimator=lambda _: RandomForestRegressor(max_features=0.3)),
    "extra_trees": replace(PRESETS["extra_trees"], estimator=lambda _: ExtraTreesRegressor(max_features=0.3)),
    "gradient_boosting": replace(
        PRESETS["gradient_boosting"], estimator=lambda _: GradientBoostingRegressor(subsample=0.7, max_features=0.2)
    ),
    "mlp": Preset(
        onehot_preparation,
        _network,
        fast=_of_scaled_target(PRESETS["mlp"].fast),
        full=_of_scaled_target(PRESETS["mlp"].full),
        member=_of_scaled_target(PRESETS["mlp"].member),
    ),
}
