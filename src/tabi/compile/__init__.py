"""The compiler: a fitted pipeline becomes an ONNX graph, and the proof says whether both compute the same."""

from tabi.compile.compiler import Compiled, compile_pipeline
from tabi.compile.parity import Parity, prove

__all__ = ["Compiled", "Parity", "compile_pipeline", "prove"]
