import pytest

from tabi.errors import ConfigError
from tabi.training.sweep import Item, plain_items, sweep_items


def test_without_a_sweep_each_project_is_trained_once() -> None:
    assert plain_items(["a", "b", "a"], ["seed=1"]) == [Item("a", ("seed=1",), "a"), Item("b", ("seed=1",), "b")]


def test_a_sweep_is_every_combination_and_its_labels_name_what_varies() -> None:
    items = sweep_items(["p"], ["preset=logistic,forest", "seed=range(1,3)", "search.folds=3"])
    assert [item.label for item in items] == [
        "p preset=logistic seed=1",
        "p preset=logistic seed=2",
        "p preset=forest seed=1",
        "p preset=forest seed=2",
    ]
    assert items[0].overrides == ("preset=logistic", "seed=1", "search.folds=3")


def test_a_list_is_one_value_and_a_column_s_name_may_hold_blanks() -> None:
    items = sweep_items(["p"], ["seed=1,2", "search.space.C=[1,2]", "columns.mean radius.maximum=3"])
    assert [item.overrides[1:] for item in items] == [("search.space.C=[1,2]", "columns.mean radius.maximum=3")] * 2


@pytest.mark.parametrize(
    ("overrides", "told"), [([], "several values"), (["seed=1"], "several values"), (["seed=[1"], "cannot be read")]
)
def test_a_sweep_of_nothing_is_refused(overrides: list[str], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        sweep_items(["p"], overrides)
