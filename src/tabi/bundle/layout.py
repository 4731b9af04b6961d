"""Which files a bundle has and how large they may be, in format 2.

To change the format: any new file or field raises `FORMAT`, because readers refuse what they do not know. The reader
goes on reading every older format, and one bundle of each is kept as a test.

The place of the signature, which comes later: a file beside `manifest.json` and over its bytes. The manifest cannot
list it, so it is to be named here, and passed over where extra files are refused.
"""

from __future__ import annotations

# format 1 had binary models alone, no explanation and no lineage
FORMAT = 2

GRAPH = "model.onnx"
SCHEMA = "schema.json"
THRESHOLD = "threshold.json"
METRICS = "metrics.json"
PARITY = "parity.json"
GATES = "gates.json"
MODEL_CARD = "MODEL_CARD.md"
ENVIRONMENT = "environment.lock"
PIPELINE = "pipeline.skops"
EXPLANATION = "explanation.json"
LINEAGE = "lineage.json"
REPORTS = "reports/"

REQUIRED = frozenset({GRAPH, SCHEMA, METRICS, PARITY, GATES})
# a binary model has a threshold
OPTIONAL = frozenset({THRESHOLD, MODEL_CARD, ENVIRONMENT, PIPELINE, EXPLANATION, LINEAGE})

JSON_LIMIT = 16 << 20
FILE_LIMIT = 2 << 30


def belongs(path: str) -> bool:
    """Whether a bundle may have a file of this path: there is no place for one that nobody reads."""
    return path in REQUIRED or path in OPTIONAL or path.startswith(REPORTS)


def limit(path: str) -> int:
    """The most bytes that a file may have."""
    return JSON_LIMIT if path.endswith(".json") else FILE_LIMIT
