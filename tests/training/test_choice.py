import math
import statistics
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tabi.project.config import Select
from tabi.training.choice import CandidateScore, best_of, front_of, near_best, winner_of

fold_scores = st.lists(st.floats(0.5, 1), min_size=3, max_size=3)
costs = st.floats(0.01, 100)


def score(number: int, scores: Any, cost: float) -> CandidateScore:
    return CandidateScore(0, 100, number, {"n": number}, tuple(scores), (0.1,) * 3, (cost,) * 3)


tables = st.lists(st.tuples(fold_scores, costs), min_size=1, max_size=8).map(
    lambda rows: [score(number, *row) for number, row in enumerate(rows)]
)


@given(tables)
def test_no_candidate_within_one_standard_error_of_the_best_is_cheaper_than_the_winner(table: Any) -> None:
    best, won = best_of(table), winner_of(table, Select.cheapest)

    def near(other: CandidateScore) -> bool:
        gaps = [a - b for a, b in zip(best.scores, other.scores, strict=True)]
        return other is best or statistics.fmean(gaps) <= statistics.stdev(gaps) / math.sqrt(len(gaps)) + 1e-12

    assert near(won)
    assert all(other.cost >= won.cost for other in near_best(table))
    assert all(near(other) for other in near_best(table))
    assert winner_of(table, Select.best) == best
    assert all(other.mean <= best.mean for other in table)


def test_a_candidate_that_is_a_little_worse_in_every_fold_is_not_near() -> None:
    folds = (0.90, 0.93, 0.96)
    # far less than the folds differ among themselves, and no chance
    table = [score(0, folds, 2.0), score(1, [found - 0.001 for found in folds], 1.0)]
    assert winner_of(table, Select.cheapest).candidate == 0
    # as often better as worse
    table = [score(0, folds, 2.0), score(1, (0.901, 0.929, 0.9599), 1.0)]
    assert winner_of(table, Select.cheapest).candidate == 1


@given(tables)
def test_nothing_beats_a_candidate_of_the_front_in_both_and_something_beats_every_other(table: Any) -> None:
    front = front_of(table)
    for one in table:
        beaten = any(o.cost <= one.cost and o.mean > one.mean for o in table)
        beaten |= any(o.cost < one.cost and o.mean >= one.mean for o in table)
        if one in front:
            assert not beaten
        else:
            assert beaten or any((o.cost, o.mean) == (one.cost, one.mean) for o in front)


def test_where_a_cost_is_not_known_the_best_wins() -> None:
    table = [score(0, (0.80, 0.82, 0.84), 1.0), score(1, (0.80, 0.82, 0.85), math.nan)]
    assert winner_of(table, Select.cheapest).candidate == 1
    assert [s.candidate for s in front_of(table)] == [0]
