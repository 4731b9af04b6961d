"""`config.yaml` over the defaults, `key=value` overrides over both, by Hydra's compose API."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, cast, get_type_hints

import yaml
from hydra import compose, initialize
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from tabi.errors import ConfigError, NotFoundError
from tabi.project.config import ProjectConfig
from tabi.workspace import Workspace

# below these a project makes up its own keys
OPEN = ("params.", "search.space.")


def project_names(workspace: Workspace) -> list[str]:
    """Names of all projects of the workspace, sorted."""
    return sorted(path.parent.name for path in workspace.projects.glob("*/config.yaml"))


def load_config(workspace: Workspace, name: str, overrides: Sequence[str] = ()) -> ProjectConfig:
    """The composed, typed configuration of one project.

    Raises `NotFoundError` for a name without a project and `ConfigError` for anything that cannot be composed.
    """
    path = workspace.projects / name / "config.yaml"
    if not path.is_file():
        known = ", ".join(project_names(workspace)) or "none"
        raise NotFoundError(f"there is no project {name!r} in {workspace.projects}; known: {known}")
    return _compose({"name": name, **_read_yaml(path)}, overrides, where=str(path))


def config_to_yaml(config: ProjectConfig) -> str:
    """The whole configuration as YAML. Law: `config_from_yaml(config_to_yaml(c)) == c`."""
    return OmegaConf.to_yaml(OmegaConf.structured(config))


def config_from_yaml(text: str) -> ProjectConfig:
    """Read what `config_to_yaml` wrote."""
    return _compose(yaml.safe_load(text), (), where="the run's config.yaml")


def dataset_label(source: str) -> str:
    """The `ds=` of a result line: `openml:credit-g@1` is `openml_credit_g`, `csv:data/a.csv` is `csv_a`."""
    scheme, _, rest = source.partition(":")
    stem = Path(rest.split("@")[0]).stem if "/" in rest or "." in rest else rest.split("@")[0]
    return re.sub(r"[^0-9A-Za-z]+", "_", f"{scheme}_{stem}").strip("_")


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = getattr(error, "problem_mark", None)
        line = f" at line {where.line + 1}" if where else ""
        raise ConfigError(f"{path} is not valid YAML{line}: mend it and try again") from error
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise ConfigError(f"{path} must hold keys and values, such as `source: csv:data/rows.csv`")
    return content


def _compose(content: dict[str, Any], overrides: Sequence[str], where: str) -> ProjectConfig:
    _refuse_unknown_keys(content, where)
    content = _with_named_columns(content, overrides)
    store = ConfigStore.instance()
    store.store("tabi_defaults", node=ProjectConfig)
    store.store("tabi_project", node={"defaults": ["tabi_defaults", "_self_"], **content})
    GlobalHydra.instance().clear()
    try:
        with initialize(version_base="1.3", config_path=None):
            composed = compose("tabi_project", overrides=[_opened(o) for o in overrides])
        return cast(ProjectConfig, OmegaConf.to_object(composed))
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(_explain(error, overrides, where)) from error


def _opened(override: str) -> str:
    """Hydra adds a key that is not there yet only where it is told to."""
    return f"++{override}" if override.startswith(OPEN) else override


def _with_named_columns(content: dict[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """The content with an empty entry for every column that only an override names."""
    columns = dict(content.get("columns") or {})
    for override in overrides:
        key = override.partition("=")[0]
        if key.startswith("columns.") and key.count(".") >= 2:
            columns.setdefault(key.removeprefix("columns.").rpartition(".")[0], {})
    return {**content, "columns": columns}


def _refuse_unknown_keys(content: dict[str, Any], where: str) -> None:
    for path in _unknown_keys(content, ProjectConfig, ""):
        raise ConfigError(f"{where}: unknown key {path!r}{_nearest(path)}")


def _unknown_keys(content: dict[str, Any], schema: type, prefix: str) -> Iterator[str]:
    hints = get_type_hints(schema)
    for key, value in content.items():
        if key not in hints:
            yield prefix + key
        elif isinstance(value, dict) and is_dataclass(hints[key]):
            yield from _unknown_keys(value, cast(type, hints[key]), f"{prefix}{key}.")


def _known_keys(schema: type = ProjectConfig, prefix: str = "") -> Iterator[str]:
    hints = get_type_hints(schema)
    for item in fields(schema):
        yield prefix + item.name
        if is_dataclass(hints[item.name]):
            yield from _known_keys(cast(type, hints[item.name]), f"{prefix}{item.name}.")


def _nearest(key: str) -> str:
    known = list(_known_keys())
    by_tail = {k.rpartition(".")[2]: k for k in known}
    close = difflib.get_close_matches(key, known, 1, 0.5)
    close = close or [by_tail[t] for t in difflib.get_close_matches(key.rpartition(".")[2], by_tail, 1, 0.5)]
    return f"; did you mean {close[0]!r}?" if close else "; see docs/configuration.md for the keys there are"


def _explain(error: Exception, overrides: Sequence[str], where: str) -> str:
    known = set(_known_keys())
    for override in overrides:
        key = override.partition("=")[0].lstrip("+~")
        if "=" not in override:
            return f"{override!r} is not of the form key=value"
        if key not in known and not key.startswith(("columns.", *OPEN)):
            return f"unknown key {key!r}{_nearest(key)}"
    cause = error.__cause__ if isinstance(error.__cause__, OmegaConfBaseException) else error
    full_key = getattr(cause, "full_key", None)
    reason = str(cause).strip().splitlines()[0]
    return f"{where}: {f'{full_key}: ' if full_key else ''}{reason}"
