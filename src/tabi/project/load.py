"""`config.yaml` over the defaults, `key=value` overrides over both, by Hydra's compose API."""

from __future__ import annotations

import difflib
import re
from collections.abc import ItemsView, Iterator, Sequence
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, cast, get_origin, get_type_hints

import yaml
from hydra import compose, initialize_config_module
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from tabi.errors import ConfigError, NotFoundError
from tabi.project.config import ColumnConfig, ProjectConfig
from tabi.project.ranges import refuse_out_of_range
from tabi.workspace import Workspace

# below these a project makes up its own keys
OPEN = (
    "params",
    "search.space",
    "gates.severity",
    "gates.minimum",
    "gates.maximum",
    "monitor.minimum",
    "monitor.maximum",
)
COLUMN_KEYS = tuple(field.name for field in fields(ColumnConfig))
# the preset that is a project's own code, and the field and file that hold it
OWN, CODE, CODE_FILE = "own", "code", "pipeline.py"


def project_names(workspace: Workspace) -> list[str]:
    """Names of all projects of the workspace, sorted."""
    return sorted(path.parent.name for path in workspace.projects.glob("*/config.yaml"))


def load_config(workspace: Workspace, name: str, overrides: Sequence[str] = ()) -> ProjectConfig:
    """The composed, typed configuration of one project.

    Raises `NotFoundError` for a name without a project and `ConfigError` for anything that cannot be composed.
    """
    names = project_names(workspace)
    if name not in names:
        raise NotFoundError(
            f"there is no project {name!r} in {workspace.projects}; known: {', '.join(names) or 'none'}"
        )
    path = workspace.projects / name / "config.yaml"
    config = _compose({"name": name, **_read_yaml(path)}, overrides, where=str(path))
    return replace(config, code=_read_code(path.with_name(CODE_FILE))) if config.preset == OWN else config


def config_to_yaml(config: ProjectConfig) -> str:
    """The whole configuration but its code as YAML.

    Law, for printable text: `config_from_yaml(config_to_yaml(c), c.code) == c`.
    """
    content = OmegaConf.structured(replace(config, code=""))
    return "".join(line for line in OmegaConf.to_yaml(content).splitlines(keepends=True) if line != f"{CODE}: ''\n")


def config_from_yaml(text: str, code: str = "") -> ProjectConfig:
    """Read what `config_to_yaml` wrote."""
    return replace(_compose(yaml.safe_load(text), (), where="the run's config.yaml"), code=code)


def _read_code(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError(f"preset=own needs {path}: write build(contract) there, or choose another preset") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8: save it again as UTF-8") from error


def dataset_label(source: str) -> str:
    """The `ds=` of a result line: `openml:credit-g@1` is `openml_credit_g`, `csv:data/a.csv` is `csv_a`."""
    scheme, _, rest = source.partition(":")
    # the place, without a repository before it, and without a version or parameters after it
    place = rest.rpartition("#")[2].partition("?")[0]
    place = place if scheme == "sql" else place.partition("@")[0]
    stem = Path(place).stem if "/" in place or "." in place else place
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
    _check_keys(content, ProjectConfig, "", where)
    overrides = [override.lstrip("+") for override in overrides]
    for override in overrides:
        _refuse_unknown_override(override)
    content, overrides = _with_columns(_with_severities(content), overrides)
    store = ConfigStore.instance()
    store.store("tabi_defaults", node=ProjectConfig)
    store.store("tabi_project", node={"defaults": ["tabi_defaults", "_self_"], **content})
    GlobalHydra.instance().clear()
    try:
        # told where it is, Hydra does not search the call stack for its caller, which took most of the time
        with initialize_config_module("tabi.project", version_base="1.3"):
            composed = compose("tabi_project", overrides=[_opened(o) for o in overrides])
        _refuse_environment(composed, where)
        config = cast(ProjectConfig, OmegaConf.to_object(composed))
        OmegaConf.structured(config)  # only here are the members of lists checked
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(f"{where}: {_reason(error)}") from error
    refuse_out_of_range(config, where)
    return config


def _refuse_environment(composed: DictConfig, where: str) -> None:
    """What a variable holds may be secret, and a query is recorded as it reads when it is filled in."""
    if OmegaConf.is_interpolation(composed, "query"):
        written = cast(dict[str, str], OmegaConf.to_container(composed, resolve=False))["query"]
        if "oc.env" in written:
            raise ConfigError(
                f"{where}: `query` reads a variable of the environment, and would be recorded with what it holds: "
                "write the value out, or let the database know it"
            )


def _opened(override: str) -> str:
    """Hydra adds a key that is not there yet only where it is told to."""
    key = override.partition("=")[0]
    return f"++{override}" if key in OPEN or _is_below(key, OPEN) else override


def _is_below(key: str, parents: tuple[str, ...]) -> bool:
    return key.startswith(tuple(f"{parent}." for parent in parents))


def _with_severities(content: dict[str, Any]) -> dict[str, Any]:
    """The content with `off` where YAML read it as no."""
    gates = content.get("gates")
    severity = gates.get("severity") if isinstance(gates, dict) else None
    if not isinstance(gates, dict) or not isinstance(severity, dict):
        return content
    words = {gate: "off" if word is False else word for gate, word in severity.items()}
    return {**content, "gates": {**gates, "severity": words}}


def _with_columns(content: dict[str, Any], overrides: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """The content with the overrides of single columns in it, and the other overrides.

    Hydra's own grammar takes no blank in a key, and columns have names like `mean radius`.
    """
    columns = {name: dict(known or {}) for name, known in (content.get("columns") or {}).items()}
    others = []
    for override in overrides:
        key, _, value = override.partition("=")
        if key.startswith("columns."):
            name, _, field = key.removeprefix("columns.").rpartition(".")
            columns.setdefault(name, {})[field] = _yaml_value(value, override)
        else:
            others.append(override)
    return {**content, "columns": columns}, others


def _yaml_value(text: str, override: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{override!r}: what stands behind the = cannot be read: put quotes around it") from error


def _check_keys(content: object, schema: type, prefix: str, where: str) -> None:
    """Hydra's own words for a wrong key or shape in a file name neither the key nor what to do."""
    hints = get_type_hints(schema)
    for key, value in _keys_and_values(content, prefix, where):
        path = f"{prefix}{key}"
        if key not in hints or path == CODE:
            raise ConfigError(f"{where}: unknown key {path!r}{_nearest(path)}")
        if is_dataclass(hints[key]):
            _check_keys(value, cast(type, hints[key]), f"{path}.", where)
        elif get_origin(hints[key]) is dict:
            for name, below in _keys_and_values(value or {}, f"{path}.", where):
                if key == "columns":
                    _check_keys(below or {}, ColumnConfig, f"{path}.{name}.", where)


def _keys_and_values(content: object, prefix: str, where: str) -> ItemsView[str, Any]:
    if not isinstance(content, dict):
        raise ConfigError(f"{where}: {prefix.rstrip('.')!r} must hold keys and values")
    return content.items()


def _known_keys(schema: type = ProjectConfig, prefix: str = "") -> Iterator[str]:
    hints = get_type_hints(schema)
    for item in fields(schema):
        if (path := prefix + item.name) == CODE:
            continue
        yield path
        if is_dataclass(hints[item.name]):
            yield from _known_keys(cast(type, hints[item.name]), f"{prefix}{item.name}.")


def _nearest(key: str) -> str:
    if key.startswith("columns."):
        parent = key.rpartition(".")[0] if key.count(".") >= 2 else key
        known = [f"{parent}.{name}" for name in COLUMN_KEYS]
    else:
        known = list(_known_keys())
    by_tail = {k.rpartition(".")[2]: k for k in known}
    close = difflib.get_close_matches(key, known, 1, 0.5)
    close = close or [by_tail[t] for t in difflib.get_close_matches(key.rpartition(".")[2], by_tail, 1, 0.5)]
    return f"; did you mean {close[0]!r}?" if close else "; see docs/configuration.md for the keys there are"


def _refuse_unknown_override(override: str) -> None:
    key, equals, _ = override.partition("=")
    if not key or not equals:
        raise ConfigError(f"{override!r} is not of the form key=value")
    of_column = key.startswith("columns.") and key.count(".") >= 2 and key.rpartition(".")[2] in COLUMN_KEYS
    if key not in _known_keys() and not of_column and not _is_below(key, OPEN):
        raise ConfigError(f"unknown key {key!r}{_nearest(key)}")


def _reason(error: BaseException) -> str:
    """One line of the innermost cause that knows the key."""
    if isinstance(error, OverrideParseException):
        return f"{error.override!r} cannot be read as key=value: put quotes around what holds blanks or signs"
    causes = [error]
    # Hydra raises some errors from themselves, so the chain may be a ring
    while (cause := causes[-1].__cause__ or causes[-1].__context__) and cause not in causes:
        causes.append(cause)
    told = next((cause for cause in causes if getattr(cause, "full_key", None)), error)
    key = getattr(told, "full_key", None)
    if isinstance(told, MissingMandatoryValue):
        return f"{key!r} has no default: give it a value"
    return f"{f'{key}: ' if key else ''}{str(told).strip().splitlines()[0]}"
