"""Running a graph: the one place where an ONNX Runtime session is made, so that proof and server use the same."""

from __future__ import annotations

import onnxruntime as ort

from tabi.errors import BundleError


def open_session(graph: bytes) -> ort.InferenceSession:
    """A session of one thread: a server gains by workers, and a second thread costs more than a row."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = 3
    try:
        return ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises many classes of its own with no common root
        raise BundleError(f"model.onnx cannot be loaded: {str(error).splitlines()[0]}") from error
