"""The presets `stack` and `vote`: several presets side by side over one shared preparation."""

from __future__ import annotations

from collections.abc import Sequence

from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import StackingClassifier, StackingRegressor, VotingClassifier, VotingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline

from tabi.contract import Contract, Task
from tabi.training.catalog import members_of, preset_of
from tabi.training.preparation import both_preparations, native_part, native_preparation, onehot_part
from tabi.training.presets import STACK, Space

Members = list[tuple[str, Pipeline]]


def composed_steps(name: str, members: Sequence[str], contract: Contract) -> tuple[ColumnTransformer, BaseEstimator]:
    """The preparation and the estimator of a stack or a vote over other presets.

    Members that are prepared differently each take their part of the columns from one preparation.
    """
    task = contract.target.task
    chosen = members_of(members, task)
    preparations = {preset_of(member, task).prepare for member in chosen}
    mixed = len(preparations) > 1
    estimators = [(member, _member(member, contract, mixed=mixed)) for member in chosen]
    prepare = both_preparations if mixed else next(iter(preparations))
    return prepare(contract), _stack(estimators, task) if name == STACK else _vote(estimators, task)


def composed_space(name: str, members: Sequence[str], task: Task = "binary") -> Space:
    """A full search: the strength of the stack's last estimator, or one member of the vote counting double."""
    if name == STACK:
        return (
            {"clf__final_estimator__alpha": [1.0, 100.0]}
            if task == "regression"
            else {"clf__final_estimator__C": [0.01, 1.0]}
        )
    chosen = members_of(members, task)
    doubled = [[2 if other == member else 1 for other in chosen] for member in chosen]
    return {"clf__weights": [[1] * len(chosen), *doubled]}


def _stack(estimators: Members, task: Task) -> BaseEstimator:
    if task == "regression":
        return StackingRegressor(estimators, Ridge())
    return StackingClassifier(estimators, LogisticRegression(), stack_method="predict_proba")


def _vote(estimators: Members, task: Task) -> BaseEstimator:
    return VotingRegressor(estimators) if task == "regression" else VotingClassifier(estimators, voting="soft")


def _member(name: str, contract: Contract, *, mixed: bool) -> Pipeline:
    preset = preset_of(name, contract.target.task)
    take: ColumnTransformer | str = "passthrough"
    if mixed:
        part = native_part(contract) if preset.prepare is native_preparation else onehot_part(contract)
        take = ColumnTransformer([("part", "passthrough", part)])
    return Pipeline([("take", take), ("clf", preset.estimator(contract).set_params(**preset.member))])
