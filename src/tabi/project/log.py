"""What may stand in the prediction log: the `log` of a `config.yaml`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class LogInputs(Enum):
    """What is kept of the values of a column: each as it is, a keyed hash, or nothing."""

    full = "full"
    hashed = "hashed"
    none = "none"


@dataclass
class LogConfig:
    """`inputs`: of every column that does not say otherwise."""

    inputs: LogInputs = LogInputs.full
