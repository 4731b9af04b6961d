"""From a tracked run to a released bundle, and back from a bundle to its run."""

from tabi.registry.release import Released, release
from tabi.registry.reproduce import Reproduction, lines_of, reproduce

__all__ = ["Released", "Reproduction", "lines_of", "release", "reproduce"]
