import math
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tabi.project.config import Select
from tabi.training.choice import CandidateScore, best_of, front_of, winner_of

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
    bound = best.mean - best.standard_error
    assert won.mean >= bound
    assert all(other.cost >= won.cost for other in table if other.mean >= bound)
    assert winner_of(table, Select.best) == best
    assert all(other.mean <= best.mean for other in table)


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
