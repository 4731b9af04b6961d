import os
from pathlib import Path
from typing import Any

import pytest
import skops.io
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from tabi.errors import TrainingError
from tabi.project import CalibrationConfig
from tabi.project.config import CalibrationMethod
from tabi.training.fitting import fit_best
from tabi.training.presets import COMPOSED, PRESETS
from tabi.training.saved import load_pipeline, save_pipeline

TREES = {"clf__n_estimators": 5}
SMALLEST: dict[str, dict[str, Any]] = {
    **dict.fromkeys(("forest", "extra_trees", "gradient_boosting"), TREES),
    "logistic": {},
    "mlp": {},
    **{name: {"clf__native__clf__max_iter": 3, "clf__forest__clf__n_estimators": 3} for name in COMPOSED},
}


@pytest.mark.parametrize("preset", sorted([*PRESETS, *COMPOSED]))
@pytest.mark.parametrize("method", list(CalibrationMethod))
def test_every_pipeline_that_can_be_trained_comes_back_with_the_same_answers(
    preset: str, method: CalibrationMethod, mixed_rows: Any, contract_of: Any, config_of: Any, tmp_path: Path
) -> None:
    X, y = mixed_rows(90)
    config = config_of(preset=preset, members=["native", "forest"], calibration=CalibrationConfig(method, 3))
    pipeline = fit_best(contract_of(X), config, SMALLEST.get(preset, {"clf__max_iter": 5}), X, y)
    save_pipeline(pipeline, tmp_path / "p.skops")
    loaded = load_pipeline(tmp_path / "p.skops")
    assert (loaded.predict_proba(X) == pipeline.predict_proba(X)).all()


def test_a_file_that_would_run_a_command_is_refused_by_the_name_of_its_type(tmp_path: Path) -> None:
    path = tmp_path / "p.skops"
    skops.io.dump(Pipeline([("prep", FunctionTransformer(os.system)), ("clf", LogisticRegression())]), path)
    with pytest.raises(TrainingError, match=r"p\.skops holds the type '(posix|nt)\.system', which is not trusted"):
        load_pipeline(path)
