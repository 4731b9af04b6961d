"""From a tracked run to a released bundle."""

from tabi.registry.release import Released, release

__all__ = ["Released", "release"]
