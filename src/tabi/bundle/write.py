"""Make a folder of finished files a bundle."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path

from tabi.bundle import layout
from tabi.bundle.manifest import Manifest
from tabi.errors import BundleError, StoreError
from tabi.store import FileEntry, bundle_id
from tabi.store.folder import write_whole
from tabi.store.listing import MANIFEST, MANIFEST_LIMIT, SIGNATURE, entry_of, path_problem, walk
from tabi.store.snapshots import checked_name


def write_bundle(  # noqa: PLR0913 - one argument for each field that only the caller knows
    folder: Path,
    *,
    name: str,
    created: str,
    git_commit: str,
    run: str,
    snapshot: str,
    environment: str,
    runtime: Mapping[str, str],
) -> Manifest:
    """Hash everything in `folder` and write its manifest, which makes it a bundle.

    `BundleError` names a file that is missing, too large, a link, or has no place in a bundle.
    """
    checked_name(name)
    try:
        files = _hash_files(folder)
    except OSError as error:
        raise BundleError(f"the files in {folder} cannot be read: {error.strerror}") from error
    manifest = Manifest(
        id=bundle_id(files),
        name=name,
        created=created,
        git_commit=git_commit,
        run=run,
        snapshot=snapshot,
        environment=environment,
        runtime=dict(runtime),
        files=files,
    )
    data = manifest.to_json()
    if len(data) > MANIFEST_LIMIT:
        raise BundleError(
            f"{MANIFEST} of {name} would have {len(data)} bytes, over {MANIFEST_LIMIT}: keep fewer reports"
        )
    try:
        # one of what was here before would only look like one of this
        (folder / SIGNATURE).unlink(missing_ok=True)
        write_whole(folder / MANIFEST, [data], temporary=folder)
    except OSError as error:
        raise StoreError(
            f"cannot write {MANIFEST} in {folder} ({error.strerror}): free the disk and try again"
        ) from error
    return manifest


def _hash_files(folder: Path) -> tuple[FileEntry, ...]:
    entries: list[FileEntry] = []
    for path, status in walk(folder):
        if path in {MANIFEST, SIGNATURE}:
            continue
        problem = path_problem(path)
        if problem is not None:
            raise BundleError(f"{path!r} {problem}: rename it")
        if not stat.S_ISREG(status.st_mode):
            raise BundleError(f"{path} is a link or another thing that is not a plain file: copy its content")
        if not layout.belongs(path):
            raise BundleError(f"{path} has no place in a bundle: move it to {layout.REPORTS} or leave it out")
        if status.st_size > layout.limit(path):
            raise BundleError(
                f"{path} has {status.st_size} bytes, over the limit of {layout.limit(path)}: make it smaller"
            )
        entries.append(entry_of(folder, path))
    missing = layout.REQUIRED - {entry.path for entry in entries}
    if missing:
        raise BundleError(f"{', '.join(sorted(missing))} is missing in {folder}: a bundle needs it")
    return tuple(entries)
