"""Which code a record is about, where no commit says it: one digest of a folder's sources."""

from __future__ import annotations

import hashlib
from pathlib import Path

_JUNK = {".terraform"}
_STATE = (".tfstate", ".tfplan")


def digest_of(folder: Path) -> str:
    """sha256 over names and content of all files below a folder, in hexadecimal; without what Terraform leaves."""
    whole = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or _JUNK & set(path.parts) or any(end in path.name for end in _STATE):
            continue
        name = path.relative_to(folder).as_posix().encode()
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        whole.update(b"%d:%s%s" % (len(name), name, content.encode()))
    return whole.hexdigest()
