"""Tabi: from a table to a model in production that you can prove is done."""

import os

__version__ = "0.1.0"

# ONNX Runtime tells its maker about models and machines, and keeps a database and a file in the folder for temporary
# ones, unless this stands before it is imported. A server sends nothing that its operator did not ask for.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
