"""The fit of all training rows, begun by an idle worker while the last folds of a search are still being fitted.

Once one shared fit is left, only its stage is open: the winner is then read off the fit with the most trees, as in the
search itself, and predicts to the last digit what a fit of its own would.
"""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from sklearn.pipeline import Pipeline

from tabi.training.fits import SharedFit, stage_value
from tabi.training.prepared import with_empty_columns_constant
from tabi.training.stages import keep_stages

if TYPE_CHECKING:
    from tabi.training.backends import Workers
    from tabi.training.outcomes import Problem
    from tabi.training.presets import Params


@dataclass(frozen=True)
class Ahead:
    """The fit of the largest candidate of the shared fit; it may never be begun."""

    shared: SharedFit
    fit: Future[Pipeline]

    @classmethod
    def of(cls, problem: Problem, shared: SharedFit, workers: Workers) -> Ahead:
        """Leave the fit to workers that have nothing else to do."""
        rows = with_empty_columns_constant(problem.X)
        return cls(shared, workers.later(partial(problem.build(shared.largest).fit, rows, problem.y)))

    def pipeline(self, params: Params) -> Pipeline | None:
        """The fitted pipeline of this candidate; None if it is not of this fit, or nobody began it, or it failed."""
        if self.fit.cancel() or params not in self.shared.candidates.values() or self.fit.exception() is not None:
            return None
        pipeline = self.fit.result()
        if params == self.shared.largest:
            return pipeline
        stage = self.shared.stage
        return pipeline if stage and keep_stages(pipeline.steps[-1][1], stage, stage_value(params, stage)) else None
