"""The same run has one bundle: what is released again is found in the store, not written a second time.

The gates' verdicts hold figures of the moment, such as a latency, or the champion of that day. So a bundle of the same
run is looked for by everything else that makes it, and by whatever had to be let through.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tabi.bundle import Bundle, Manifest, Trust, layout
from tabi.bundle.signature import Signer
from tabi.errors import TabiError
from tabi.gates import Verdict
from tabi.store import Store
from tabi.store.listing import MANIFEST, MANIFEST_LIMIT
from tabi.store.snapshots import snapshot_key

# what says how a bundle was judged, and not what it is
JUDGED = frozenset({layout.GATES, layout.MODEL_CARD})
MAKING = (layout.REQUIRED | layout.OPTIONAL) - JUDGED


def same_bundle(
    store: Store, manifest: Manifest, verdicts: Sequence[Verdict], signer: Signer | None = None
) -> str | None:
    """The id of the whole bundle that is there already of the same run, None where there is none.

    Where bundles are signed it must be signed by the same key: its verdicts are nobody else's.
    """
    trust = None if signer is None else Trust({signer.fingerprint: signer.public})
    wanted = _making(manifest)
    for identity in store.snapshots(manifest.name):
        try:
            data = store.objects.read(f"{snapshot_key(manifest.name, identity)}/{MANIFEST}", MANIFEST_LIMIT)
            found = msgspec.json.decode(data or b"", type=Manifest)
            # only what may be it is opened, for then every byte is read
            if found.run != manifest.run or _making(found) != wanted:
                continue
            bundle = Bundle.open(store.open_path(manifest.name, identity), trust)
            judged = msgspec.json.decode(bundle.document(layout.GATES), type=list[Verdict])
            if _shown(judged) == _shown(verdicts):
                return identity
        except (TabiError, msgspec.MsgspecError):
            continue
    return None


def _making(manifest: Manifest) -> set[tuple[str, str]]:
    return {(entry.path, entry.sha256) for entry in manifest.files if entry.path in MAKING}


def _shown(verdicts: Sequence[Verdict]) -> set[tuple[str, str, str, str]]:
    """The gates that did not simply pass, and who let them through."""
    return {
        (v.gate, v.verdict, v.override.by if v.override else "", v.override.reason if v.override else "")
        for v in verdicts
        if v.verdict in {"warn", "overridden"}
    }
