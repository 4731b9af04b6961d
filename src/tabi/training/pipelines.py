"""From a project's configuration to its unfitted pipeline and to the candidates of its search.

A preset's pipeline has two steps, `prep` and `clf`; in any pipeline a bare name is a parameter of the last step.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from sklearn.pipeline import Pipeline

from tabi.contract import Contract, Task
from tabi.errors import ConfigError
from tabi.project import ProjectConfig
from tabi.project.config import ClassWeight, Encoding, Mode
from tabi.training.catalog import choices_of, known_presets, members_of, preset_of, presets_of, unknown_preset
from tabi.training.encodings import ENCODING, encoded, encodings_of
from tabi.training.ensembles import composed_space, composed_steps
from tabi.training.own import own_pipeline, own_space
from tabi.training.presets import AUTO, COMPOSED, OWN, Params, Space
from tabi.training.texts import TEXT, refuse_unread_text, with_text_values

# the parameter by which a candidate names its preset
PRESET = "preset"
CLASS_WEIGHT = "class_weight"


def build_pipeline(contract: Contract, config: ProjectConfig, params: Mapping[str, Any]) -> Pipeline:
    """The unfitted pipeline of the project's preset and encoding, or of those that `params` name.

    Sets, in this order: seed and class weight of the project, the project's `params`, the candidate's `params`.
    Raises `ConfigError` for an unknown preset or parameter.
    """
    own = {name: value for name, value in params.items() if name not in (PRESET, ENCODING)}
    name = str(params.get(PRESET, config.preset))
    pipeline = _unset(contract, config, name, Encoding(params.get(ENCODING, config.encoding)))
    _set_seed(pipeline, config.seed)
    if config.class_weight is ClassWeight.balanced:
        pipeline.set_params(**dict.fromkeys(_class_weights(pipeline, config), "balanced"))
    last = pipeline.steps[-1][0]
    values = {**_prefixed(config.params, last), **_prefixed(own, last)}
    if name == TEXT:
        values = with_text_values(values, config, contract)
    _refuse_unknown(values, pipeline)
    return pipeline.set_params(**values)


def candidate_space(config: ProjectConfig, task: Task = "binary") -> list[Space]:
    """Grids of candidate values by parameter, such as `clf__learning_rate`: the project's own, else the preset's.

    There is one grid, and for `auto` one a preset. A parameter that the project's `params` fix is no longer searched.
    With `class_weight=search` every candidate is tried with and without balanced weights, with `encoding=search` in
    each encoding.
    """
    grids = [_own_grid(config.search.space, config)] if config.search.space else _grids(config, task)
    if config.class_weight is ClassWeight.search:
        key = _key(CLASS_WEIGHT, config)
        grids = [{key: [None, "balanced"], **grid} for grid in grids]
    if config.encoding is Encoding.search:
        grids = [{ENCODING: encodings_of(grid.get(PRESET, [config.preset])[0]), **grid} for grid in grids]
    return grids


def compared_keys(config: ProjectConfig) -> dict[str, str]:
    """What a search compares beside parameters: the name of the report, and the candidates' key."""
    keys = {"encodings": ENCODING} if config.encoding is Encoding.search else {}
    return keys | ({"class_weights": _key(CLASS_WEIGHT, config)} if config.class_weight is ClassWeight.search else {})


def _unset(contract: Contract, config: ProjectConfig, name: str, encoding: Encoding) -> Pipeline:
    task = contract.target.task
    if name == OWN:
        if encoding is not Encoding.preset:
            raise ConfigError("encoding: preset=own prepares its columns itself; leave it at preset")
        return own_pipeline(contract, config.code)
    if name == AUTO:  # a first look at its preparation; its candidates name presets of their own
        name = choices_of(config.search.presets, task)[0]
    refuse_unread_text(name, contract)
    if name in COMPOSED:
        prep, clf = composed_steps(name, config.members, contract)
    elif name in presets_of(task):
        preset = preset_of(name, task)
        prep, clf = preset.prepare(contract), preset.estimator(contract)
    else:
        raise unknown_preset(name, known_presets(task), task)
    return Pipeline([("prep", encoded(name, prep, clf, encoding, contract, config.seed)), ("clf", clf)])


def _grids(config: ProjectConfig, task: Task) -> list[Space]:
    name = config.preset
    if name == AUTO:
        chosen = choices_of(config.search.presets, task)
        return [{PRESET: [member], **_named_grid(member, config, task)} for member in chosen]
    return [_named_grid(name, config, task)]


def _named_grid(name: str, config: ProjectConfig, task: Task) -> Space:
    fixed = _prefixed(config.params, "clf")
    full = config.search.mode is Mode.full
    if name == OWN:
        space = own_space(config.code)
        return {key: values for key, values in space.items() if key not in config.params}
    if name in COMPOSED:
        members = members_of(config.members, task)
        space = composed_space(name, members, task) if full else {}
    elif name in presets_of(task):
        space = preset_of(name, task).full if full else preset_of(name, task).fast
    else:
        raise unknown_preset(name, known_presets(task), task)
    return {key: values for key, values in space.items() if key not in fixed}


def _own_grid(space: Mapping[str, Any], config: ProjectConfig) -> Space:
    for name, values in space.items():
        if not isinstance(values, list) or not values:
            raise ConfigError(f"search.space.{name}: give a list of at least one value")
    if config.preset == AUTO:
        raise ConfigError("search.space: preset=auto tries the spaces of its presets; name one preset to search yours")
    return {_key(name, config): list(values) for name, values in space.items()}


def _key(name: str, config: ProjectConfig) -> str:
    """A parameter's name as a candidate's key. The steps of a project's own pipeline have names of their own."""
    return name if config.preset == OWN or "__" in name else f"clf__{name}"


def _prefixed(values: Mapping[str, Any], last: str) -> dict[str, Any]:
    """Names as a pipeline knows them: a bare name is a parameter of the last step."""
    return {name if "__" in name else f"{last}__{name}": value for name, value in values.items()}


def _set_seed(pipeline: Pipeline, seed: int) -> None:
    """Give the seed to every step that draws and has none of its own."""
    draws = [
        name
        for name, value in pipeline.get_params().items()
        if (name == "random_state" or name.endswith("__random_state")) and value is None
    ]
    pipeline.set_params(**dict.fromkeys(draws, seed))


def _class_weights(pipeline: Pipeline, config: ProjectConfig) -> list[str]:
    found = [name for name in pipeline.get_params() if name.endswith(f"__{CLASS_WEIGHT}")]
    if not found:
        raise ConfigError(
            f"preset={config.preset} has no class weights: set class_weight=none or choose another preset"
        )
    return found


def _refuse_unknown(values: Params, pipeline: Pipeline) -> None:
    known = pipeline.get_params()
    for name in values:
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise ConfigError(f"the pipeline has no parameter {name!r}{hint}")
