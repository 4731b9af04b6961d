"""The conditions, a module a layer. Importing this registers them."""

from tabi.dod.layers import (
    delivery,
    deployment,
    experiments,
    governance,
    infrastructure,
    monitoring,
    observability,
    pipeline,
    retraining,
    splitting,
    validation,
)

__all__ = [
    "delivery",
    "deployment",
    "experiments",
    "governance",
    "infrastructure",
    "monitoring",
    "observability",
    "pipeline",
    "retraining",
    "splitting",
    "validation",
]
