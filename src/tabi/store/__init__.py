"""The store: immutable snapshots of bundles by id, and one `latest` pointer a model, on a folder.

It knows of a bundle only the list of its files: the bundle package stands above it and uses the same list.
"""

from tabi.store.documents import StoredPolicy, StoredVersions, Versions
from tabi.store.listing import FileEntry, bundle_id
from tabi.store.store import Followed, Pointer, Store
from tabi.store.verify import Finding

__all__ = [
    "FileEntry",
    "Finding",
    "Followed",
    "Pointer",
    "Store",
    "StoredPolicy",
    "StoredVersions",
    "Versions",
    "bundle_id",
]
