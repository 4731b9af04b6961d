"""A bundle must be small enough to be moved and loaded."""

from __future__ import annotations

from tabi.gates.candidate import Candidate
from tabi.gates.verdict import Verdict, level_above, worst

GATE = "size"
# a graph is held by every worker; a bundle is copied to every replica
GRAPH, BUNDLE = 200_000_000, 500_000_000


def size_gate(candidate: Candidate) -> Verdict:
    """Fail above the project's bounds, warn above the usual ones. The verdicts and the model card come on top."""
    config = candidate.gates.size
    graph = len(candidate.graph)
    files = {str(p.relative_to(candidate.folder)): p.stat().st_size for p in candidate.folder.rglob("*") if p.is_file()}
    bundle = sum(files.values())
    level = worst([level_above(graph, config.graph_maximum, GRAPH), level_above(bundle, config.bundle_maximum, BUNDLE)])
    largest = max(files, key=lambda name: files[name])
    reason = f"graph {graph:,} bytes, bundle {bundle:,} bytes"
    if level != "pass":
        reason += f", the largest file {largest}: use a smaller model, or set gates.size"
    return Verdict(GATE, level, {"graph": float(graph), "bundle": float(bundle)}, reason)
