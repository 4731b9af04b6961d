"""BentoML with adaptive batching, as its manual shows it. MODEL names the joblib file; BATCH the largest batch."""

import os
from typing import Any

import bentoml  # type: ignore[import-not-found]
import joblib
import pandas as pd


@bentoml.service(workers=1)
class Portfolio:
    """Loads the pipeline once for each worker."""

    def __init__(self) -> None:
        self.model = joblib.load(os.environ["MODEL"])
        self.columns = list(self.model.feature_names_in_)

    @bentoml.api(batchable=True, max_batch_size=int(os.environ["BATCH"]))  # type: ignore[untyped-decorator]
    def predict(self, rows: list[dict[str, Any]]) -> list[float]:
        """Rows of one request, or of all that were waiting."""
        frame = pd.DataFrame(rows, columns=self.columns)
        probabilities: list[float] = self.model.predict_proba(frame)[:, 1].tolist()
        return probabilities
