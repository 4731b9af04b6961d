"""`tabi export onnx`: the bare graph, the schema, and a note that says how to use them without Tabi."""

from __future__ import annotations

from pathlib import Path

from tabi.bundle import Bundle, layout
from tabi.export.example import example_of
from tabi.export.folder import write_folder
from tabi.export.graph import facts_of
from tabi.export.note import note

NOTE = "README.md"


def export_graph(source: Path, folder: Path | None = None) -> Path:
    """Write the graph of the bundle in `source` and what belongs to it; the folder, by default one named after it."""
    bundle = Bundle.open(source)
    chosen = folder or Path(f"{bundle.name}-{bundle.id[:12]}-onnx")
    graph = bundle.graph_bytes()
    files = {
        layout.GRAPH: graph,
        layout.SCHEMA: bundle.document(layout.SCHEMA),
        NOTE: note(bundle, facts_of(graph), example_of(bundle)).encode(),
    }
    write_folder(chosen, files)
    return chosen
