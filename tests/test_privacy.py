"""Nothing leaves a machine that nobody asked for: ONNX Runtime tells its maker of models unless it is told not to."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

# a session is made, which is what would be told of
RUN = """
from tabi.bundle.session import Session
import onnx
x = onnx.helper.make_tensor_value_info("numeric", onnx.TensorProto.DOUBLE, [None, 1])
y = onnx.helper.make_tensor_value_info("probability", onnx.TensorProto.DOUBLE, [None, 1])
node = onnx.helper.make_node("Identity", ["numeric"], ["probability"])
graph = onnx.helper.make_graph([node], "g", [x], [y])
model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 21)], ir_version=10)
Session(model.SerializeToString())
"""


def test_a_session_leaves_nothing_in_the_home_of_its_user_and_among_temporary_files(tmp_path: Path) -> None:
    home, temporary = tmp_path / "home", tmp_path / "tmp"
    home.mkdir()
    temporary.mkdir()
    environment = {name: value for name, value in os.environ.items() if name not in {"CI", "ORT_DISABLE_TELEMETRY"}}
    environment |= {"HOME": str(home), "TMPDIR": str(temporary), "XDG_CACHE_HOME": str(home / "cache")}
    done = subprocess.run([sys.executable, "-c", RUN], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert [*home.rglob("*"), *temporary.rglob("*")] == []
