"""The bundle: the release artifact, an immutable folder that a server can load and that names everything in it."""

from tabi.bundle.lineage import Ancestor, Lineage
from tabi.bundle.manifest import Manifest, Threshold
from tabi.bundle.read import Bundle
from tabi.bundle.trust import Trust
from tabi.bundle.write import write_bundle
from tabi.store import FileEntry, bundle_id

__all__ = ["Ancestor", "Bundle", "FileEntry", "Lineage", "Manifest", "Threshold", "Trust", "bundle_id", "write_bundle"]
