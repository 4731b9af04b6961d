"""From a fitted pipeline to what explains its rows exactly, or a refusal that names the step and what to do."""

from tabi.training.explanation.build import SMALLER, Anatomy, anatomy_of, encoded_rows

__all__ = ["SMALLER", "Anatomy", "anatomy_of", "encoded_rows"]
