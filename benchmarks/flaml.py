"""FLAML beside a vote of Tabi's on adult, at equal seconds on all cores: `python -m benchmarks.flaml PYTHON [SECONDS]`.

PYTHON is an interpreter of its own that has `flaml[automl]`, pandas and pyarrow. FLAML gets SECONDS (60) and the
training rows of the same split, with categories as such; then the vote searches and fits, which takes as long as it
takes. It prints seconds and the AUC on the test rows of both, and ends with an error if the vote took longer.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

import pandas as pd

from benchmarks.training import ADULT_VOTE, measured, our_search
from tabi.data import load_table
from tabi.project import load_config
from tabi.training.plan import cut_table
from tabi.workspace import Workspace

SCRIPT = """
import sys, time
import pandas as pd
from flaml import AutoML
from sklearn.metrics import roc_auc_score
train, test = (pd.read_parquet(f"{sys.argv[1]}/{part}.parquet") for part in ("train", "test"))
for frame in (train, test):
    for name in frame.columns[frame.dtypes == object]:
        frame[name] = frame[name].astype("category")
model, begun = AutoML(), time.perf_counter()
model.fit(train.drop(columns="y"), train["y"], task="classification", metric="roc_auc", time_budget=float(sys.argv[2]),
          seed=42, n_jobs=-1, verbose=0)
seconds = time.perf_counter() - begun
auc = roc_auc_score(test["y"], model.predict_proba(test.drop(columns="y"))[:, 1])
print(f"| FLAML, {model.best_estimator} | {seconds:.1f} | {auc:.4f} |")
"""


def main(python: str, seconds: str = "60") -> None:
    """Measure both and print."""
    workspace = Workspace.find()
    config = load_config(workspace, "adult", ADULT_VOTE)
    table = load_table(workspace, config)
    rows = cut_table(table, config.split)
    print("| adult, the portfolio's split | seconds | AUC |\n| --- | ---: | ---: |")
    with tempfile.TemporaryDirectory() as folder:
        for part, numbers in (("train", rows.train), ("test", rows.test)):
            frame: pd.DataFrame = table.X.iloc[numbers].assign(y=table.y[numbers])
            frame.to_parquet(Path(folder) / f"{part}.parquet", index=False)
        found = subprocess.run(
            [python, "-c", SCRIPT, folder, seconds], capture_output=True, text=True, check=True, env={"PATH": ""}
        )
    print(found.stdout.splitlines()[-1], flush=True)
    ours = measured(table, config, partial(our_search, table.contract, config))
    print(f"| tabi, `{' '.join(ADULT_VOTE)}` | {ours.seconds:.1f} | {ours.auc:.4f} |")
    assert ours.seconds <= float(seconds), "the vote took longer than FLAML: give both more seconds"


if __name__ == "__main__":
    main(*sys.argv[1:])
