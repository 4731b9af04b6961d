import os
import zipfile
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from tabi.contract import Target
from tabi.errors import BundleError, TrainingError
from tabi.project import CalibrationConfig
from tabi.project.config import CalibrationMethod, SplitKind
from tabi.training.fitting import fit_best
from tabi.training.plan import Plan
from tabi.training.presets import COMPOSED, PRESETS
from tabi.training.regressors import REGRESSORS
from tabi.training.rules import RULES
from tabi.training.saved import load_pipeline, save_pipeline
from tabi.training.tasks import TASKS
from tabi.training.texts import TEXT

TREES = {"clf__n_estimators": 5}
SMALLEST: dict[str, dict[str, Any]] = {
    **dict.fromkeys(("forest", "extra_trees", "gradient_boosting"), TREES),
    "logistic": {},
    "mlp": {},
    **{name: {"clf__native__clf__max_iter": 3, "clf__forest__clf__n_estimators": 3} for name in COMPOSED},
}


@pytest.mark.parametrize("preset", sorted({*PRESETS, *COMPOSED} - {TEXT}))
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


@pytest.mark.parametrize("preset", sorted([*REGRESSORS, *COMPOSED]))
def test_every_pipeline_of_numbers_comes_back_with_the_same_answers(
    preset: str, mixed_rows: Any, contract_of: Any, config_of: Any, tmp_path: Path
) -> None:
    X, y = mixed_rows(90)
    contract = msgspec.structs.replace(contract_of(X), target=Target("target", (), task="regression"))
    config = config_of(preset=preset, members=["native", "forest"])
    params = {} if preset in ("linear", "ridge") else SMALLEST.get(preset, {"clf__max_iter": 5})
    pipeline = fit_best(contract, config, params, X, y + np.arange(90.0), Plan(TASKS["regression"]))
    save_pipeline(pipeline, tmp_path / "p.skops")
    assert (load_pipeline(tmp_path / "p.skops").predict(X) == pipeline.predict(X)).all()


def test_a_pipeline_that_is_calibrated_by_groups_comes_back(
    mixed_rows: Any, contract_of: Any, config_of: Any, tmp_path: Path
) -> None:
    X, y = mixed_rows(120)
    config = config_of(calibration=CalibrationConfig(CalibrationMethod.sigmoid, 3))
    plan = Plan(TASKS["binary"], RULES[SplitKind.group], np.arange(120) % 12)
    pipeline = fit_best(contract_of(X), config, {"clf__max_iter": 5}, X, y, plan)
    save_pipeline(pipeline, tmp_path / "p.skops")
    assert (load_pipeline(tmp_path / "p.skops").predict_proba(X) == pipeline.predict_proba(X)).all()


def test_a_file_that_would_run_a_command_is_refused_by_the_name_of_its_type(tmp_path: Path) -> None:
    path = tmp_path / "p.skops"
    skops.io.dump(Pipeline([("prep", FunctionTransformer(os.system)), ("clf", LogisticRegression())]), path)
    with pytest.raises(TrainingError, match=r"p\.skops holds the type '(posix|nt)\.system', which is not trusted"):
        load_pipeline(path)


def test_a_file_that_grows_when_it_is_unpacked_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "pipeline.skops"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("schema.json", b" " * (65 << 20))
    assert path.stat().st_size < 1 << 20
    with pytest.raises(BundleError, match=r"^pipeline\.skops holds 1 files of 68157440 bytes"):
        load_pipeline(path)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(BundleError, match="is not a whole skops file"):
        load_pipeline(path)
