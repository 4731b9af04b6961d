"""`slo.yaml`: what the service promises, and at which load."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec

from tabi.errors import ConfigError

SLO_FILE = Path(__file__).resolve().parents[1] / "slo.yaml"

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Positive = Annotated[float, msgspec.Meta(gt=0)]


class Objectives(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`availability` holds for the window, `error_rate` for one load test; `p95_ms` for both."""

    availability: Share
    error_rate: Share
    p95_ms: Positive


class Care(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When a model needs care. `stale_days`: since its bundle was made. `faults`: that were let pass, for each row."""

    stale_days: Annotated[int, msgspec.Meta(gt=0)]
    faults: Positive


class Load(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Requests a second, and for how long."""

    rps: Annotated[int, msgspec.Meta(gt=0)]
    seconds: Annotated[int, msgspec.Meta(gt=0)]


class Slo(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file; `load` by scenario."""

    objectives: Objectives
    window_days: Annotated[int, msgspec.Meta(gt=0)]
    model: Care
    load: dict[str, Load]


def read_slo(path: Path = SLO_FILE) -> Slo:
    """Read and check the file."""
    try:
        return msgspec.yaml.decode(path.read_bytes(), type=Slo)
    except (OSError, msgspec.MsgspecError) as error:
        raise ConfigError(f"{path.name} cannot be used ({error}): mend it") from error
