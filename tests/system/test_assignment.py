"""The laws of assignment on a million units. A fixed salt makes each verdict the same in every run."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2, chi2_contingency, chisquare

from tabi.policy import assign

pytestmark = pytest.mark.system

UNITS = 1_000_000
CHECKOUT, SEARCH = (0.7, 0.2, 0.1), (0.5, 0.5)


def test_a_million_units_are_split_exactly_and_two_experiments_do_not_know_of_each_other() -> None:
    units = [f"user-{i}" for i in range(UNITS)]
    checkout = np.array([assign("checkout", unit, CHECKOUT) for unit in units])
    search = np.array([assign("search", unit, SEARCH) for unit in units])

    counts = np.bincount(checkout, minlength=3)
    shares = np.array(CHECKOUT)
    assert chisquare(counts, UNITS * shares).pvalue > 0.001
    # each arm alone: within four standard errors of a binomial
    assert (np.abs(counts - UNITS * shares) < 4 * np.sqrt(UNITS * shares * (1 - shares))).all()

    joint = np.zeros((3, 2), int)
    np.add.at(joint, (checkout, search), 1)
    found = chi2_contingency(joint)
    assert found.pvalue > 0.001
    assert found.statistic > chi2.ppf(0.001, found.dof), "more even than chance"


def test_only_those_units_move_whom_the_grown_arm_takes() -> None:
    units = [f"user-{i}" for i in range(UNITS // 10)]
    before = np.array([assign("canary", unit, (95, 5)) for unit in units])
    after = np.array([assign("canary", unit, (75, 25)) for unit in units])
    assert not ((before == 1) & (after == 0)).any()
    moved, expected = int((before != after).sum()), len(units) * 0.2
    assert abs(moved - expected) < 4 * np.sqrt(expected * 0.8)
