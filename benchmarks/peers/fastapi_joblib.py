"""The server that everybody writes: FastAPI, a joblib file, a DataFrame of one row. It is told by MODEL what to load.

It runs in an interpreter of its own and imports nothing of Tabi.
"""

from __future__ import annotations

import os
from typing import Any

import joblib
import pandas as pd
from fastapi import FastAPI

app = FastAPI()
model = joblib.load(os.environ["MODEL"])
columns = list(model.feature_names_in_)


@app.get("/healthz")
def healthz() -> dict[str, str]:
    """The model is loaded."""
    return {"status": "ok"}


@app.post("/predict")
def predict(body: dict[str, Any]) -> dict[str, float]:
    """One row; a column that is left out becomes None."""
    row = {name: body["features"].get(name) for name in columns}
    return {"probability": float(model.predict_proba(pd.DataFrame([row]))[0, 1])}


@app.post("/predict_batch")
def predict_batch(body: dict[str, Any]) -> dict[str, list[float]]:
    """Many rows."""
    rows = [{name: row.get(name) for name in columns} for row in body["rows"]]
    return {"probabilities": model.predict_proba(pd.DataFrame(rows))[:, 1].tolist()}
