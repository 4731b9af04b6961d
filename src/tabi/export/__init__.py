"""A bundle for programs and pages that have no Tabi: the bare graph with a note, and a page that needs no server."""

from tabi.export.bare import export_graph
from tabi.export.runtime import find_runtime
from tabi.export.web import export_page

__all__ = ["export_graph", "export_page", "find_runtime"]
