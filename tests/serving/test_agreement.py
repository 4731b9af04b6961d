"""How workers agree: what is wanted only grows, nobody's wish is lost, and a full disk stops nobody."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabi.errors import StoreError
from tabi.serving.agreement import Agreement, Wanted
from tabi.serving.messages import ModelStatus

refs = st.sampled_from(["voyage", "strict", "./bundle"])
wishes = st.lists(st.tuples(st.integers(0, 1), st.dictionaries(refs, st.none() | st.text(max_size=5))), max_size=8)


def test_before_anybody_asks_all_load_what_their_references_mean(tmp_path: Path) -> None:
    assert Agreement(tmp_path, 0, 2).wanted() == Wanted(0, {})


@given(wishes)
def test_every_wish_counts_one_and_the_last_of_a_reference_holds(
    asked: list[tuple[int, dict[str, str | None]]],
) -> None:
    with TemporaryDirectory() as folder:
        workers = [Agreement(Path(folder), number, 2) for number in range(2)]
        expected: dict[str, str | None] = {}
        for count, (worker, paths) in enumerate(asked, 1):
            expected |= paths
            assert workers[worker].want(paths) == Wanted(count, expected)
            assert workers[1 - worker].wanted() == Wanted(count, expected)


def test_wishes_at_the_same_moment_are_all_counted(tmp_path: Path) -> None:
    workers = [Agreement(tmp_path, number, 8) for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda worker: [worker.want({f"{id(worker)}": "x"}) for _ in range(25)], workers))
    assert workers[0].wanted().generation == 200
    assert len(workers[0].wanted().paths) == 8


def test_what_a_worker_tells_is_what_the_others_read(tmp_path: Path) -> None:
    first, second = Agreement(tmp_path, 0, 2), Agreement(tmp_path, 1, 2)
    status = ModelStatus("voyage", "voyage@latest", "a" * 64, ready=True)
    first.tell(3, [status], ["a problem"], {"voyage@latest": "/store/voyage"})
    (state,) = second.states()
    assert (state.worker, state.generation, state.models, state.problems) == (0, 3, [status], ["a problem"])
    assert state.folders == {"voyage@latest": "/store/voyage"}
    second.tell(4, [], [], {})
    assert [state.worker for state in first.states()] == [0, 1]


def problem_of(agreement: Agreement) -> str | None:
    agreement.tell(1, [], [], {})
    return agreement.problem


def test_a_folder_that_takes_nothing_is_a_problem_and_no_error_until_it_does(tmp_path: Path) -> None:
    agreement = Agreement(tmp_path / "shared", 0, 2)
    problem = problem_of(agreement)
    assert problem is not None
    assert str(tmp_path) not in problem
    with pytest.raises(StoreError, match="agree"):
        agreement.want({})
    (tmp_path / "shared").mkdir()
    assert problem_of(agreement) is None
    assert len(agreement.states()) == 1
