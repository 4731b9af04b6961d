"""A graph that keeps data in another file is refused before the runtime sees it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import ModelProto, TensorProto, helper

from tabi.bundle.external import problem_of
from tabi.bundle.session import Session
from tabi.errors import BundleError
from tests.bundle.conftest import graph


def external(location: str) -> TensorProto:
    tensor = TensorProto(name="w", data_type=TensorProto.DOUBLE, dims=[2], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=location)
    return tensor


def in_initializer(model: ModelProto, tensor: TensorProto) -> None:
    model.graph.initializer.append(tensor)


def in_sparse(model: ModelProto, tensor: TensorProto) -> None:
    model.graph.sparse_initializer.add().values.CopyFrom(tensor)


def in_constant(model: ModelProto, tensor: TensorProto) -> None:
    model.graph.node.append(helper.make_node("Constant", [], ["w"], value=tensor))


def in_list(model: ModelProto, tensor: TensorProto) -> None:
    model.graph.node.append(helper.make_node("X", [], ["w"], ints=list(range(-300, 300)), tensors=[tensor]))


def in_branch(model: ModelProto, tensor: TensorProto) -> None:
    inner = helper.make_graph([], "inner", [], [], [tensor])
    node = helper.make_node("If", ["c"], ["w"], then_branch=helper.make_graph([], "outer", [], []))
    node.attribute[0].g.node.append(helper.make_node("If", ["c"], ["w"], floats=[1.0, 2.0], else_branch=inner))
    model.graph.node.append(node)


def in_function(model: ModelProto, tensor: TensorProto) -> None:
    function = helper.make_function("d", "f", [], ["w"], [helper.make_node("Constant", [], ["w"], value=tensor)], [])
    model.functions.append(function)


def in_training(model: ModelProto, tensor: TensorProto) -> None:
    model.training_info.add().algorithm.initializer.append(tensor)


PLACES = [in_initializer, in_sparse, in_constant, in_list, in_branch, in_function, in_training]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("location", ["weights.bin", "../weights.bin", "/etc/hostname"])
def test_it_is_found_wherever_a_tensor_can_stand(
    place: Callable[[ModelProto, TensorProto], None], location: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights.bin").write_bytes(np.ones(2).tobytes())
    model = onnx.load_model_from_string(graph())
    place(model, TensorProto(name="w", data_type=TensorProto.DOUBLE, dims=[2], double_data=[1, 2]))
    assert problem_of(model.SerializeToString()) is None
    model = onnx.load_model_from_string(graph())
    place(model, external(location))
    with pytest.raises(BundleError, match=r"^model\.onnx keeps data in another file"):
        Session(model.SerializeToString())


def test_a_name_that_looks_like_one_is_no_such_data() -> None:
    model = onnx.load_model_from_string(graph())
    model.graph.node.append(helper.make_node("Identity", ["location"], ["external_data"]))
    assert problem_of(model.SerializeToString()) is None


def test_graphs_within_graphs_have_an_end() -> None:
    def below(field: int, content: bytes) -> bytes:
        size = len(content)
        return bytes([field << 3 | 2, size & 0x7F | 0x80, size >> 7 & 0x7F | 0x80, size >> 14]) + content

    content = external("w").SerializeToString()
    content = below(5, content)
    for levels in range(1, 100):
        # a graph in an attribute of a node of a graph
        content = below(1, below(5, below(6, content)))
        found = problem_of(below(7, content))
        if levels < 20:
            assert found == "keeps data in another file, which nobody has verified"
    assert found == "cannot be loaded: it is not an ONNX graph"


@given(st.binary(max_size=200))
def test_whatever_bytes_there_are_it_ends_with_an_answer(data: bytes) -> None:
    assert problem_of(data) in {
        None,
        "cannot be loaded: it is not an ONNX graph",
        "keeps data in another file, which nobody has verified",
    }


@given(st.integers(0, len(graph()) - 1), st.integers(0, 255))
def test_a_graph_with_one_byte_changed_is_refused_or_loaded_never_a_crash(position: int, byte: int) -> None:
    data = bytearray(graph())
    data[position] = byte
    problem_of(bytes(data))
