from typing import Any

import numpy as np
import pytest
from sklearn.pipeline import Pipeline

from tabi.errors import ConfigError
from tabi.project import SearchConfig
from tabi.project.config import ClassWeight, Mode
from tabi.training.ensembles import composed_steps
from tabi.training.pipelines import build_pipeline, candidate_space
from tabi.training.presets import PRESETS

FEW = {"clf__native__clf__max_iter": 5, "clf__forest__clf__n_estimators": 5}


def test_a_vote_is_the_mean_of_its_members_each_as_it_would_be_alone(
    mixed_rows: Any, contract_of: Any, config_of: Any
) -> None:
    X, y = mixed_rows(200)
    contract = contract_of(X)
    config = config_of(preset="vote", members=["native", "forest", "logistic"])
    vote = build_pipeline(contract, config, FEW).fit(X, y).predict_proba(X)
    alone = []
    sizes: dict[str, dict[str, Any]] = {"native": {"max_iter": 5}, "forest": {"n_estimators": 5}, "logistic": {}}
    for name, size in sizes.items():
        params = {f"clf__{key}": value for key, value in {**PRESETS[name].member, **size}.items()}
        alone.append(build_pipeline(contract, config_of(preset=name), params).fit(X, y).predict_proba(X))
    assert np.allclose(vote, np.mean(alone, axis=0), rtol=0, atol=1e-12)


@pytest.mark.parametrize("members", [["native", "forest"], ["logistic", "forest"]])
def test_a_stack_learns_from_members_of_one_preparation_or_of_two(
    members: list[str], mixed_rows: Any, contract_of: Any, config_of: Any
) -> None:
    X, y = mixed_rows(120)
    few = {name: value for name, value in FEW.items() if name.split("__")[1] in members}
    pipeline = build_pipeline(contract_of(X), config_of(preset="stack", members=members), few).fit(X, y)
    assert len(pipeline.named_steps["clf"].estimators_) == 2
    assert np.isfinite(pipeline.predict_proba(X.assign(colour="unseen"))).all()


def test_the_preparation_is_made_once_for_all_members(mixed_rows: Any, contract_of: Any) -> None:
    contract = contract_of(mixed_rows(20)[0])
    same, _ = composed_steps("vote", ["logistic", "forest"], contract)
    assert [name for name, _, _ in same.transformers] == ["num", "cat"]
    both, clf = composed_steps("vote", ["native", "logistic"], contract)
    assert [name for name, _, _ in both.transformers] == ["native", "onehot"]
    assert all(isinstance(member, Pipeline) for _, member in clf.estimators)


@pytest.mark.parametrize("members", [["native"], ["native", "native"]])
def test_fewer_than_two_different_members_are_refused(members: list[str], config_of: Any) -> None:
    with pytest.raises(ConfigError, match="two or more different presets"):
        candidate_space(config_of(preset="vote", members=members))
    with pytest.raises(ConfigError, match="did you mean 'forest'"):
        candidate_space(config_of(preset="vote", members=["forset", "native"]))


def test_a_full_search_weighs_the_members_of_a_vote_and_the_last_of_a_stack(config_of: Any) -> None:
    members = ["native", "forest"]
    (vote,) = candidate_space(config_of(preset="vote", members=members))
    assert vote == {"clf__weights": [[1, 1], [2, 1], [1, 2]]}
    (stack,) = candidate_space(config_of(preset="stack", members=members))
    assert set(stack) == {"clf__final_estimator__C"}
    assert candidate_space(config_of(preset="stack", members=members, search=SearchConfig(mode=Mode.fast))) == [{}]


def test_auto_tries_the_spaces_of_its_presets_and_a_candidate_names_its_own(
    mixed_rows: Any, contract_of: Any, config_of: Any
) -> None:
    config = config_of(preset="auto", search=SearchConfig(mode=Mode.fast, presets=["logistic", "native"]))
    grids = candidate_space(config)
    assert [grid["preset"] for grid in grids] == [["logistic"], ["native"]]
    contract = contract_of(mixed_rows(20)[0])
    clf = build_pipeline(contract, config, {"preset": "logistic", "clf__C": 0.5}).named_steps["clf"]
    assert (type(clf).__name__, clf.C) == ("LogisticRegression", 0.5)
    with pytest.raises(ConfigError, match="did you mean 'native'"):
        candidate_space(config_of(preset="auto", search=SearchConfig(presets=["natve"])))
    with pytest.raises(ConfigError, match="name one preset"):
        candidate_space(config_of(preset="auto", search=SearchConfig(space={"C": [1.0]})))


def test_class_weights_are_tried_with_every_candidate(mixed_rows: Any, contract_of: Any, config_of: Any) -> None:
    contract = contract_of(mixed_rows(20)[0])
    config = config_of(preset="logistic", class_weight=ClassWeight.search)
    (grid,) = candidate_space(config)
    assert grid["clf__class_weight"] == [None, "balanced"]
    assert len(grid["clf__C"]) == 9
    clf = build_pipeline(contract, config, {"clf__class_weight": "balanced"}).named_steps["clf"]
    assert clf.class_weight == "balanced"
    with pytest.raises(ConfigError, match="preset=mlp has no class weights"):
        build_pipeline(contract, config_of(preset="mlp", class_weight=ClassWeight.balanced), {})
