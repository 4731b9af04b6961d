"""Which files a bundle has and how large they may be, in format 2.

To change the format: any new file or field raises `FORMAT`, because readers refuse what they do not know. The reader
goes on reading every older format, and one bundle of each is kept as a test.

`model.sig` stands beside `manifest.json` and is over its bytes and every file's. The manifest cannot list it and the id
does not hold it: a bundle may be signed later, or signed again with another key, and stays the same bundle. It came
without a new format, for a reader that knows no key passes over it.
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
