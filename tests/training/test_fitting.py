from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV

from tabi.project import CalibrationConfig, EvaluationConfig, SearchConfig
from tabi.project.config import CalibrationMethod, Mode
from tabi.training.evaluate import repeated_cross_validation
from tabi.training.fitting import fit_table, learn_anew
from tabi.training.progress import Quiet
from tabi.training.threshold import choose_threshold

SMALL = SearchConfig(jobs=1, space={"max_iter": [5, 10]})


def table_of(contract_of: Any, rows: Any) -> Any:
    X, y = rows
    return cast(Any, SimpleNamespace(contract=contract_of(X), X=X, y=y))


def test_the_threshold_comes_from_the_training_rows_and_not_from_the_test_rows(
    mixed_rows: Any, contract_of: Any, config_of: Any
) -> None:
    table = table_of(contract_of, mixed_rows(200))
    config = config_of(search=SMALL)
    fitted = fit_table(table, config, Quiet())
    assert len(fitted.search.out_of_fold) == len(fitted.cut.train) == 160
    y = table.y[fitted.cut.train]
    assert fitted.threshold == choose_threshold(y, fitted.search.out_of_fold, config.threshold)
    assert fitted.metrics["training_rows"] == 160


@pytest.mark.parametrize("method", [CalibrationMethod.sigmoid, CalibrationMethod.isotonic])
def test_calibration_wraps_one_estimator_and_moves_the_threshold_with_it(
    method: CalibrationMethod, mixed_rows: Any, contract_of: Any, config_of: Any
) -> None:
    table = table_of(contract_of, mixed_rows(200))
    plain = fit_table(table, config_of(search=SMALL), Quiet())
    config = config_of(search=SMALL, calibration=CalibrationConfig(method, 3))
    fitted = fit_table(table, config, Quiet())
    clf = fitted.pipeline.named_steps["clf"]
    assert isinstance(clf, CalibratedClassifierCV)
    assert len(clf.calibrated_classifiers_) == 1
    assert fitted.search.best == plain.search.best
    assert fitted.threshold is not None
    assert plain.threshold is not None
    assert fitted.threshold.value != plain.threshold.value
    assert np.isfinite(fitted.predicted).all()


def test_repeated_cross_validation_searches_inside_each_fold_and_is_left_to_full_mode(
    mixed_rows: Any, contract_of: Any, config_of: Any
) -> None:
    table = table_of(contract_of, mixed_rows(150))
    evaluation = EvaluationConfig(repeats=2, folds=3)
    config = config_of(search=SMALL, evaluation=evaluation)
    metrics = fit_table(table, config, Quiet()).metrics
    learn = partial(learn_anew, table.contract, config)
    score = repeated_cross_validation(learn, table.X, table.y, evaluation, config.seed, 1)
    assert len(score.scores) == 6
    assert score.metrics().items() <= metrics.items()
    assert score.standard_error == pytest.approx(score.std / 6**0.5)
    fast = config_of(search=replace(SMALL, mode=Mode.fast), evaluation=evaluation)
    assert "cv_auc_mean" not in fit_table(table, fast, Quiet()).metrics
