"""vetiver, with a handler that answers probabilities: its own answers labels. MODEL names the joblib file.

python vetiver_server.py PORT
"""

from __future__ import annotations

import os
import sys
from typing import Any

import joblib
import pandas as pd
import vetiver  # type: ignore[import-not-found]


class Probabilities(vetiver.handlers.base.BaseHandler):  # type: ignore[misc]
    """The pipeline's probabilities for the rows of a body."""

    def handler_predict(self, input_data: Any, check_prototype: bool) -> list[float]:  # noqa: ARG002
        """Rows without a value where one is missing: a prototype would refuse them."""
        frame = pd.DataFrame(input_data, columns=list(self.model.feature_names_in_))
        probabilities: list[float] = self.model.predict_proba(frame)[:, 1].tolist()
        return probabilities


if __name__ == "__main__":
    pipeline = joblib.load(os.environ["MODEL"])
    served = vetiver.VetiverModel(Probabilities(pipeline, None), "portfolio", description="adult")
    vetiver.VetiverAPI(served, show_prototype=False, check_prototype=False).run(
        port=int(sys.argv[1]), quiet_open=True, access_log=False
    )
