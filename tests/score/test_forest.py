"""Look-ups in tables give the bits of ONNX Runtime's own walk, whatever the trees ask."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from tabi.bundle.split import LEQ, MEMBER, Attributes, members_of
from tabi.score import forest
from tabi.score.features import Feature
from tabi.score.forest import Forest
from tabi.score.leaves import leaves_of

FEATURES = 3
# the feature that holds codes of categories
CODES = 0
VALUES = [-np.inf, -1.5, -0.0, 0.0, 1.0, np.nextafter(1.0, 2.0), 2.0, 3.0, 5e-324, 1e300, np.inf]


class Drawn:
    """Trees that are drawn node by node: a node's sides are leaves or nodes that are drawn after it."""

    def __init__(self, draw: st.DrawFn, trees: int, depth: int) -> None:
        self._draw = draw
        self.nodes: list[dict[str, Any]] = []
        self.members: list[float] = []
        self.weights: list[float] = []
        self.roots = [self._node(depth) for _ in range(trees)]

    def _node(self, depth: int) -> int:
        draw, place = self._draw, len(self.nodes)
        mode = draw(st.sampled_from([LEQ, MEMBER]))
        node = {
            # ONNX Runtime tells only whole numbers apart in a set, and the compiler gives it no others
            "featureids": CODES if mode == MEMBER else draw(st.integers(0, FEATURES - 1)),
            "modes": mode,
            "splits": draw(st.sampled_from(VALUES)) if mode == LEQ else 0.0,
            "missing_value_tracks_true": draw(st.integers(0, 1)),
        }
        self.nodes.append(node)
        if mode == MEMBER:
            values = [1.0, 2.0, 3.0, 40.0, 200.0, 0.0, -5.0]
            self.members += [*draw(st.lists(st.sampled_from(values), min_size=1, max_size=4)), np.nan]
        for side in ("true", "false"):
            ends = depth == 0 or draw(st.booleans())
            node[f"{side}leafs"] = int(ends)
            node[f"{side}nodeids"] = self._leaf() if ends else self._node(depth - 1)
        assert self.nodes[place] is node
        return place

    def _leaf(self) -> int:
        self.weights.append(self._draw(st.floats(-10, 10)))
        return len(self.weights) - 1

    def attributes(self) -> Attributes:
        """As they stand in a graph."""
        found: Attributes = {f"nodes_{name}": [node[name] for node in self.nodes] for name in self.nodes[0]}
        found["nodes_splits"] = np.array(found["nodes_splits"])
        found["nodes_modes"] = np.array(found["nodes_modes"], np.uint8)
        found |= {"tree_roots": self.roots, "leaf_weights": np.array(self.weights), "n_targets": [1]}
        return found | {"leaf_targetids": [0] * len(self.weights), "membership_values": np.array(self.members)}


@st.composite
def ensembles(draw: st.DrawFn) -> Attributes:
    return Drawn(draw, draw(st.integers(1, 4)), 4).attributes()


def walked(trees: Attributes, rows: np.ndarray) -> np.ndarray:
    """The sums as ONNX Runtime finds them."""
    given = dict(trees)
    for name, kind in (("nodes_splits", 11), ("leaf_weights", 11), ("membership_values", 11), ("nodes_modes", 2)):
        values = given.pop(name)
        if len(values):
            given[name] = helper.make_tensor(name, kind, values.shape, values.tolist())
    given["n_targets"] = 1
    node = helper.make_node("TreeEnsemble", ["x"], ["y"], domain="ai.onnx.ml", **given)
    ends = [helper.make_tensor_value_info(name, TensorProto.DOUBLE, [None, None]) for name in "xy"]
    graph = helper.make_graph([node], "trees", ends[:1], ends[1:])
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 5)]
    model: onnx.ModelProto = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"x": rows})[0])[:, 0]


cells = st.sampled_from([*VALUES, np.nan, 0.5, 4.0, -2.0])
codes = st.sampled_from([-5.0, 0.0, 1.0, 2.0, 3.0, 4.0, 40.0, 64.0, 65.0, 200.0, np.nan])
tables = st.lists(st.tuples(codes, cells, cells), min_size=1, max_size=40)


@given(ensembles(), tables)
def test_the_sums_have_the_bits_of_the_walk(trees: Attributes, rows: list[tuple[float, ...]]) -> None:
    table = np.array(rows)
    found = Forest.of(trees)
    assert found is not None
    assert found.sums([Feature(column) for column in table.T], len(table)).tobytes() == walked(trees, table).tobytes()


@given(ensembles(), st.lists(st.tuples(*[st.integers(0, 4)] * FEATURES), min_size=1), st.data())
def test_a_value_that_many_rows_share_is_as_good_as_one_of_their_own(
    trees: Attributes, places: list[tuple[int, ...]], data: st.DataObject
) -> None:
    shared = [np.array(data.draw(st.lists(cells, min_size=5, max_size=5))) for _ in range(FEATURES)]
    found = Forest.of(trees)
    assert found is not None
    own = np.array(places, np.int64).T
    together = found.sums([Feature(*pair) for pair in zip(shared, own, strict=True)], len(places))
    apart = [Feature(values[at]) for values, at in zip(shared, own, strict=True)]
    assert together.tobytes() == found.sums(apart, len(places)).tobytes()


@given(ensembles(), tables)
def test_tables_made_a_few_nodes_at_a_time_are_the_same(trees: Attributes, rows: list[tuple[float, ...]]) -> None:
    features = [Feature(column) for column in np.array(rows).T]
    whole = Forest.of(trees)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forest, "_AT_ONCE", 1)
        pieces = Forest.of(trees)
    assert whole is not None
    assert pieces is not None
    assert pieces.sums(features, len(rows)).tobytes() == whole.sums(features, len(rows)).tobytes()


def test_a_sum_of_negative_zeros_is_zero() -> None:
    trees = one_node(leaf_weights=np.array([-0.0, -0.0]), leaf_targetids=[0, 0])
    found = Forest.of(trees | {"nodes_missing_value_tracks_true": [0], "membership_values": np.array([])})
    assert found is not None
    assert (
        found.sums([Feature(np.zeros(1))], 1).tobytes()
        == np.zeros(1).tobytes()
        == walked(trees | {"membership_values": np.array([])}, np.zeros((1, 1))).tobytes()
    )


def one_node(**changes: Any) -> Attributes:
    trees: Attributes = {
        "nodes_featureids": [0],
        "nodes_modes": np.array([LEQ], np.uint8),
        "nodes_splits": np.array([1.0]),
        "nodes_truenodeids": [0],
        "nodes_falsenodeids": [1],
        "nodes_trueleafs": [1],
        "nodes_falseleafs": [1],
        "tree_roots": [0],
        "leaf_weights": np.array([1.0, 2.0]),
        "n_targets": [1],
    }
    return trees | changes


@pytest.mark.parametrize(
    "changes",
    [
        {"nodes_splits": np.array([np.nan])},
        {"nodes_modes": np.array([MEMBER], np.uint8), "membership_values": np.array([np.nan])},
        {"nodes_modes": np.array([2], np.uint8)},
        {"n_targets": [2]},
        {"post_transform": [1]},
        {"aggregate_function": [0]},
    ],
)
def test_what_is_asked_or_summed_in_another_way_is_left_to_the_graph(changes: Attributes) -> None:
    assert Forest.of(one_node()) is not None
    assert Forest.of(one_node(**changes)) is None


@pytest.mark.parametrize("roots", [[0, 0], [0]])
def test_a_node_that_is_reached_twice_is_refused(roots: list[int]) -> None:
    trees = one_node(tree_roots=roots, nodes_trueleafs=[0] if roots == [0] else [1])
    with pytest.raises(ValueError, match="reached twice"):
        leaves_of(trees)


@given(ensembles())
def test_leaves_are_numbered_from_the_left(trees: Attributes) -> None:
    found = leaves_of(trees)

    def walk(node: int) -> list[int]:
        ids: list[int] = []
        for side in ("true", "false"):
            to = trees[f"nodes_{side}nodeids"][node]
            ids += [to] if trees[f"nodes_{side}leafs"][node] else walk(to)
        return ids

    for tree, root in enumerate(trees["tree_roots"]):
        own = found.tree == tree
        assert found.weight[own][np.argsort(found.number[own])].tolist() == walk(root)


def test_the_members_of_each_node_are_its_own() -> None:
    nan = np.nan
    trees = one_node(nodes_modes=np.array([MEMBER, LEQ, MEMBER]), membership_values=np.array([1.0, 2.0, nan, 3.0, nan]))
    assert {node: of.tolist() for node, of in members_of(trees).items()} == {0: [1.0, 2.0], 2: [3.0]}
    with pytest.raises(ValueError, match="shorter"):
        members_of(trees | {"membership_values": np.array([1.0])})
