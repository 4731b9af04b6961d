from __future__ import annotations

from onnx import TensorProto, helper

from tabi.export.graph import facts_of


def test_operators_within_a_branch_are_found_too() -> None:
    truth = helper.make_tensor_value_info("truth", TensorProto.BOOL, [])
    given = helper.make_tensor_value_info("given", TensorProto.DOUBLE, ["n"])
    out = helper.make_tensor_value_info("out", TensorProto.DOUBLE, ["n"])
    inner = helper.make_tensor_value_info("inner", TensorProto.DOUBLE, ["n"])
    then = helper.make_graph([helper.make_node("Neg", ["given"], ["inner"])], "then", [], [inner])
    other = helper.make_graph([helper.make_node("Abs", ["given"], ["inner"])], "other", [], [inner])
    node = helper.make_node("If", ["truth"], ["out"], then_branch=then, else_branch=other)
    graph = helper.make_graph([node], "a", [truth, given], [out])
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 5)]
    facts = facts_of(helper.make_model(graph, opset_imports=opsets, ir_version=10).SerializeToString())
    assert facts.operators == ("ai.onnx:Abs", "ai.onnx:If", "ai.onnx:Neg")
    assert facts.opsets == {"ai.onnx": 21, "ai.onnx.ml": 5}
    assert facts.inputs == ("truth", "given")
    assert facts.ir_version == 10
