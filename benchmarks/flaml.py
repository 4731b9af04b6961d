"""FLAML beside a vote of Tabi's on adult, at equal seconds on all cores: `python -m benchmarks.flaml PYTHON [SECONDS]`.

PYTHON is an interpreter of its own that has `flaml[automl]`, pandas and pyarrow. FLAML gets SECONDS (60) and the
training rows of the same split, with categories as such; then the vote searches and fits, which takes as long as it
takes. Writes docs/evidence/flaml.md with the seconds and the AUC on the test rows of both; ends with an error if the
vote took longer.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pandas as pd

from benchmarks.machine import machine
from benchmarks.training import ADULT_VOTE, REPOSITORY, measured, our_search
from tabi.data import Table, load_table
from tabi.project import ProjectConfig, load_config
from tabi.training.plan import cut_table
from tabi.workspace import Workspace

SCRIPT = """
import sys, time
import flaml
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
print(flaml.__version__)
"""


def main(python: str, seconds: str = "60") -> None:
    """Measure both, print, keep."""
    workspace = Workspace.find()
    config = load_config(workspace, "adult", ADULT_VOTE)
    table = load_table(workspace, config)
    theirs, version = searched_by_flaml(python, seconds, table, config)
    ours = measured(table, config, partial(our_search, table.contract, config))
    text = "\n".join(
        [
            "# FLAML beside a vote: figures",
            "",
            f"Written by `python -m benchmarks.flaml PYTHON {seconds}` on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC.",
            f"{machine(('scikit-learn', 'numpy', 'pandas'))} FLAML {version} in an environment of its own.",
            "",
            "| adult, the portfolio's split | seconds | AUC |",
            "| --- | ---: | ---: |",
            theirs,
            f"| tabi, `{' '.join(ADULT_VOTE)}` | {ours.seconds:.1f} | {ours.auc:.4f} |",
        ]
    )
    print(text)
    assert ours.seconds <= float(seconds), "the vote took longer than FLAML: give both more seconds"
    (REPOSITORY / "docs" / "evidence" / "flaml.md").write_text(f"{text}\n", encoding="utf-8")


def searched_by_flaml(python: str, seconds: str, table: Table, config: ProjectConfig) -> tuple[str, str]:
    """FLAML's line of the table, and its version."""
    rows = cut_table(table, config.split)
    with tempfile.TemporaryDirectory() as folder:
        for part, numbers in (("train", rows.train), ("test", rows.test)):
            frame: pd.DataFrame = table.X.iloc[numbers].assign(y=table.y[numbers])
            frame.to_parquet(Path(folder) / f"{part}.parquet", index=False)
        found = subprocess.run(
            [python, "-c", SCRIPT, folder, seconds], capture_output=True, text=True, check=True, env={"PATH": ""}
        )
    line, version = found.stdout.splitlines()[-2:]
    return line, version


if __name__ == "__main__":
    main(*sys.argv[1:])
