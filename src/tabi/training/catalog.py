"""Which presets there are for a task, and finding one by its name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

from tabi.contract import Task
from tabi.errors import ConfigError
from tabi.training.presets import AUTO, COMPOSED, OWN, PRESETS, Preset
from tabi.training.regressors import REGRESSORS

# what `stack` and `vote` join, and what `auto` chooses among, where the project names none
MEMBERS: dict[Task, tuple[str, ...]] = {
    "binary": ("forest", "gradient_boosting", "logistic", "mlp"),
    "multiclass": ("forest", "gradient_boosting", "logistic", "mlp"),
    "regression": ("forest", "gradient_boosting", "ridge", "mlp"),
}
CHOICES: dict[Task, tuple[str, ...]] = {
    "binary": ("logistic", "native", "forest", "vote"),
    "multiclass": ("logistic", "native", "forest", "vote"),
    "regression": ("ridge", "native", "forest", "vote"),
}


def presets_of(task: Task) -> Mapping[str, Preset]:
    """The presets that fit the task, by name."""
    return REGRESSORS if task == "regression" else PRESETS


def known_presets(task: Task) -> tuple[str, ...]:
    """Every name that `preset` may be."""
    return (*presets_of(task), *COMPOSED, AUTO, OWN)


def preset_of(name: str, task: Task = "binary") -> Preset:
    """The preset of this name; `ConfigError` names the nearest, or those that fit the task."""
    found = presets_of(task)
    if name not in found:
        raise unknown_preset(name, tuple(found), task)
    return found[name]


def unknown_preset(name: str, known: Sequence[str], task: Task) -> ConfigError:
    """The error for a name that is none of the known ones."""
    if name in PRESETS or name in REGRESSORS:
        return ConfigError(f"preset {name!r} does not fit a {task} target; there are {', '.join(known)}")
    close = difflib.get_close_matches(name, known, 1)
    hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}"
    return ConfigError(f"unknown preset {name!r}; {hint}")


def members_of(members: Sequence[str], task: Task) -> Sequence[str]:
    """The presets that a stack or vote joins.

    `ConfigError` for members that are unknown, do not fit, are named twice, or are fewer than two.
    """
    chosen = members or MEMBERS[task]
    for member in chosen:
        preset_of(member, task)
    if len(chosen) < 2 or len(set(chosen)) < len(chosen):
        raise ConfigError("members: name two or more different presets, such as [native, forest]")
    return chosen


def choices_of(presets: Sequence[str], task: Task) -> Sequence[str]:
    """The presets that `auto` chooses among."""
    chosen = presets or CHOICES[task]
    for name in chosen:
        if name not in COMPOSED and name not in presets_of(task):
            raise unknown_preset(name, (*presets_of(task), *COMPOSED), task)
    return chosen
