"""LitServe: one worker, with batches of BATCH requests or none. MODEL names the joblib file.

python litserve_server.py PORT
"""

import os
import sys
from typing import Any

import joblib
import litserve  # type: ignore[import-not-found]
import pandas as pd

BATCH = int(os.environ["BATCH"])
# how long a batch waits to be filled: of 1, 5, 20 and 50 ms the one with the most requests a second
WAIT_S = 0.02

Rows = list[dict[str, Any]]


class Portfolio(litserve.LitAPI):  # type: ignore[misc]
    """A request holds rows; a batch holds requests."""

    def setup(self, device: str) -> None:  # noqa: ARG002
        """Load the pipeline in the worker."""
        self.model = joblib.load(os.environ["MODEL"])
        self.columns = list(self.model.feature_names_in_)

    def decode_request(self, request) -> Rows:  # type: ignore[no-untyped-def]  # LitServe would validate by its type
        """The rows of a body."""
        rows: Rows = request["rows"]
        return rows

    def batch(self, inputs: list[Rows]) -> list[Rows]:
        """Requests as they came: they hold different numbers of rows."""
        return inputs

    def unbatch(self, output: list[list[float]]) -> list[list[float]]:
        """An answer for each request."""
        return output

    def predict(self, found: Any) -> Any:
        """Probabilities of a request's rows, or of each request's rows."""
        requests: list[Rows] = found if BATCH > 1 else [found]
        frame = pd.DataFrame([row for rows in requests for row in rows], columns=self.columns)
        left = iter(self.model.predict_proba(frame)[:, 1].tolist())
        answers = [[next(left) for _ in rows] for rows in requests]
        return answers if BATCH > 1 else answers[0]

    def encode_response(self, output: list[float]) -> dict[str, list[float]]:
        """The body of an answer."""
        return {"probabilities": output}


if __name__ == "__main__":
    api = Portfolio(max_batch_size=BATCH, batch_timeout=WAIT_S if BATCH > 1 else 0.0)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1)
    server.run(
        host="127.0.0.1", port=int(sys.argv[1]), num_api_servers=1, generate_client_file=False, log_level="warning"
    )
