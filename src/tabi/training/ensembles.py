"""The presets `stack` and `vote`: several presets side by side over one shared preparation."""

from __future__ import annotations

from collections.abc import Sequence

from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from tabi.contract import Contract
from tabi.errors import ConfigError
from tabi.training.preparation import both_preparations, native_part, native_preparation, onehot_part
from tabi.training.presets import PRESETS, STACK, Space, preset_of, unknown_preset


def composed_steps(name: str, members: Sequence[str], contract: Contract) -> tuple[ColumnTransformer, BaseEstimator]:
    """The preparation and the estimator of a stack or a vote over other presets.

    Members that are prepared differently each take their part of the columns from one preparation.
    """
    refuse_wrong_members(members)
    preparations = {preset_of(member).prepare for member in members}
    mixed = len(preparations) > 1
    estimators = [(member, _member(member, contract, mixed=mixed)) for member in members]
    prepare = both_preparations if mixed else next(iter(preparations))
    if name == STACK:
        return prepare(contract), StackingClassifier(estimators, LogisticRegression(), stack_method="predict_proba")
    return prepare(contract), VotingClassifier(estimators, voting="soft")


def composed_space(name: str, members: Sequence[str]) -> Space:
    """A full search: the strength of the stack's last estimator, or one member of the vote counting double."""
    if name == STACK:
        return {"clf__final_estimator__C": [0.01, 1.0]}
    doubled = [[2 if other == member else 1 for other in members] for member in members]
    return {"clf__weights": [[1] * len(members), *doubled]}


def refuse_wrong_members(members: Sequence[str]) -> None:
    """`ConfigError` for members that are unknown, named twice, or fewer than two."""
    for member in members:
        if member not in PRESETS:
            raise unknown_preset(member, tuple(PRESETS))
    if len(members) < 2 or len(set(members)) < len(members):
        raise ConfigError("members: name two or more different presets, such as [native, logistic]")


def _member(name: str, contract: Contract, *, mixed: bool) -> Pipeline:
    preset = preset_of(name)
    take: ColumnTransformer | str = "passthrough"
    if mixed:
        part = native_part(contract) if preset.prepare is native_preparation else onehot_part(contract)
        take = ColumnTransformer([("part", "passthrough", part)])
    return Pipeline([("take", take), ("clf", preset.estimator(contract).set_params(**preset.member))])
