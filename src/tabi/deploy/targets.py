"""The targets by their names. Each is imported only where it is asked for."""

from __future__ import annotations

import re
from importlib import import_module

from tabi.deploy.target import Kind, Target
from tabi.errors import ConfigError
from tabi.store.snapshots import checked_name
from tabi.workspace import Workspace

_ENVIRONMENT = re.compile(r"[a-z][a-z0-9-]{0,30}")


def target_of(workspace: Workspace, kind: Kind, name: str, environment: str) -> Target:
    """The target on which a model is served; `ConfigError` if it cannot be told which."""
    checked_name(name)
    if not _ENVIRONMENT.fullmatch(environment):
        raise ConfigError(f"--env {environment[:40]!r}: a name of small letters, digits and '-', such as dev")
    try:
        module = import_module(f"tabi.deploy.{kind}")
    except ModuleNotFoundError as error:
        if error.name != f"tabi.deploy.{kind}":
            raise
        raise ConfigError(f"--target {kind} is not built yet") from None
    target: Target = module.open_target(workspace, name, environment)
    return target
