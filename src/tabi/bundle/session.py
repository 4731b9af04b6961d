"""Running a graph: the one place where ONNX Runtime is called, so that proof, server and command line use the same."""

from __future__ import annotations

from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from tabi.bundle.external import problem_of
from tabi.contract import Target, Task, Tensors
from tabi.errors import BundleError

# the graph's inputs by name
NUMERIC = "numeric"
CATEGORICAL = "categorical"
# and its output by task: float64[N] of the positive class, float64[N, k] of all classes, float64[N]
PROBABILITY = "probability"
PROBABILITIES = "probabilities"
VALUE = "value"
OUTPUTS: dict[Task, str] = {"binary": PROBABILITY, "multiclass": PROBABILITIES, "regression": VALUE}

Floats = npt.NDArray[np.float64]

_REDO = "release it again"
_INPUTS = {NUMERIC: "tensor(double)", CATEGORICAL: "tensor(string)"}


class Session:
    """A loaded graph. One thread: a server gains by workers, and a second thread costs more than a row.

    `BundleError` if it cannot be loaded or asks for what no contract gives.
    """

    def __init__(self, graph: bytes) -> None:
        problem = problem_of(graph)
        if problem is not None:
            raise BundleError(f"model.onnx {problem}: {_REDO}")
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
        options.log_severity_level = 4
        try:
            self._session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        except Exception as error:
            raise BundleError(f"model.onnx cannot be loaded: {str(error).splitlines()[0]}") from error
        inputs = {i.name: i.type for i in self._session.get_inputs()}
        if not inputs.items() <= _INPUTS.items():
            raise BundleError(f"model.onnx takes inputs other than float64 {NUMERIC} and string {CATEGORICAL}: {_REDO}")
        self._inputs = list(inputs)
        self._outputs = [o.name for o in self._session.get_outputs()]

    def check(self, tensors: Tensors, target: Target) -> None:
        """Prove on rows of a contract that the graph is one for it: `BundleError` if it is not."""
        try:
            found = self.predict(tensors)
        except Exception as error:
            raise BundleError(f"model.onnx does not run on rows of its contract: {_REDO}") from error
        name, rows = OUTPUTS[target.task], len(tensors.numeric)
        shape = (rows, len(target.classes)) if target.task == "multiclass" else (rows,)
        if self._outputs != [name] or found.dtype != np.float64 or found.shape != shape:
            raise BundleError(f"model.onnx gives something else than float64 {name} for each row: {_REDO}")

    def predict(self, tensors: Tensors) -> Floats:
        """The one output of a model's graph for each row: see `OUTPUTS`."""
        return self.run(tensors)[0]

    def predict_numbers(self, rows: Floats) -> Floats:
        """As `predict`, of a graph that takes numbers alone."""
        outputs: list[Floats] = self._session.run(self._outputs, {NUMERIC: rows})
        return outputs[0]

    def row_of(self, width: int) -> OneRow:
        """The same for one row of `width` numbers at a time."""
        return OneRow(self._session, width, self.predict_numbers(np.zeros((1, width))))

    def run(self, tensors: Tensors) -> list[npt.NDArray[Any]]:
        """Every output of the graph, in its order."""
        given = {NUMERIC: tensors.numeric, CATEGORICAL: tensors.categorical}
        outputs: list[npt.NDArray[Any]] = self._session.run(self._outputs, {name: given[name] for name in self._inputs})
        return outputs


class OneRow:
    """A graph of numbers alone, bound to memory of its own: arguments are a sixth of what a call with one row costs.

    Safe to call from any thread. `like`: what the graph gives for one row.
    """

    def __init__(self, session: ort.InferenceSession, width: int, like: Floats) -> None:
        self._given, self._found = np.zeros((1, width)), np.zeros_like(like)
        self._memory = self._given.data.cast("B")
        self._run = session.run_with_iobinding
        self._binding = session.io_binding()
        ((given,), (found,)) = session.get_inputs(), session.get_outputs()
        for bind, name, array in (
            (self._binding.bind_input, given.name, self._given),
            (self._binding.bind_output, found.name, self._found),
        ):
            bind(name, "cpu", 0, np.float64, array.shape, array.ctypes.data)
        self._busy = Lock()

    def predict(self, row: bytes) -> Floats:
        """The output for a row, its numbers as they lie in memory."""
        with self._busy:
            self._memory[:] = row
            self._run(self._binding)
            # the next call writes over it
            return self._found.copy()
