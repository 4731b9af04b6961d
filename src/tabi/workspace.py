"""Where things lie. Every embedded default is a path below one folder, and each can be moved by a variable.

| variable            | default                        | what lies there                              |
|---------------------|--------------------------------|----------------------------------------------|
| TABI_HOME           | nearest folder with projects/  | the workspace itself                         |
| TABI_STORE          | <home>/store                   | data snapshots and model bundles; the        |
|                     |                                | bundles alone where it is s3://BUCKET/PREFIX |
| TABI_TRACKING_URI   | sqlite:///<home>/tracking/…    | MLflow runs                                  |
| TABI_PREDICTIONS    | <home>/predictions             | the prediction log of servers                |
| TABI_EVIDENCE       | <home>/evidence                | records of what operations did               |
| TABI_DATA_CACHE     | <home>/data_cache              | what scikit-learn fetched from OpenML        |
| TABI_STATE          | sqlite:///<home>/state/tabi.db | versions, approvals and the audit trail      |
| TABI_IDENTITY       | <home>/identity.toml           | who may do what; without it anybody may all  |
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folders of one team's work. Nothing is created by merely asking for one."""

    root: Path
    store: Path
    tracking_uri: str
    data_cache: Path
    predictions: Path
    # it may hold a password
    state_url: str = field(repr=False)
    identity: Path
    # of a store on S3
    store_url: str | None = None
    # unless it is the workspace's own
    evidence_folder: Path | None = None

    @classmethod
    def find(cls, start: Path | None = None, environ: Mapping[str, str] = os.environ) -> Workspace:
        """The workspace that `start` (default: the current folder) lies in.

        The root is TABI_HOME, else the nearest folder upwards that holds `projects/`, else `start`.
        """
        here = (start or Path.cwd()).resolve()
        if environ.get("TABI_HOME"):
            root = Path(environ["TABI_HOME"]).expanduser().resolve()
        else:
            root = next((p for p in (here, *here.parents) if (p / "projects").is_dir()), here)

        def folder(variable: str, default: str) -> Path:
            value = environ.get(variable)
            return Path(value).expanduser().resolve() if value else root / default

        named = environ.get("TABI_STORE", "")
        url = named if named.startswith("s3:") else None
        return cls(
            root=root,
            store=root / "store" if url else folder("TABI_STORE", "store"),
            tracking_uri=environ.get("TABI_TRACKING_URI") or f"sqlite:///{root / 'tracking' / 'mlflow.db'}",
            data_cache=folder("TABI_DATA_CACHE", "data_cache"),
            predictions=folder("TABI_PREDICTIONS", "predictions"),
            state_url=environ.get("TABI_STATE") or f"sqlite:///{root / 'state' / 'tabi.db'}",
            identity=folder("TABI_IDENTITY", "identity.toml"),
            store_url=url,
            evidence_folder=folder("TABI_EVIDENCE", "") if environ.get("TABI_EVIDENCE") else None,
        )

    @property
    def models(self) -> Path | str:
        """The place of the store of bundles."""
        return self.store_url or self.store

    @property
    def projects(self) -> Path:
        """Folder of the projects, one folder each."""
        return self.root / "projects"

    @property
    def logs(self) -> Path:
        """Time-stamped training logs and `latest.log`."""
        return self.root / "logs"

    @property
    def artifacts(self) -> Path:
        """`summary_<ds>.json` and `cv_results_<ds>.csv` of the last run of each data set."""
        return self.root / "artifacts"

    @property
    def deployed(self) -> Path:
        """What runs on this machine by `tabi deploy`: process numbers, logs, and who is at work."""
        return self.root / "deployed"

    @property
    def evidence(self) -> Path:
        """Records of what operations did and measured."""
        return self.evidence_folder or self.root / "evidence"


_SECRET = re.compile(r"([?&][^=&]*(?:password|secret|token|key)[^=&]*=)[^&]*", re.IGNORECASE)


def without_secrets(url: str) -> str:
    """The URL as it may be shown: a password, in front of the host or as a parameter, is three asterisks.

    Whatever stands between the first colon and the last @ is taken for the password, so one that was not escaped
    does not show either.
    """
    scheme, separator, rest = url.partition("://")
    before, at, after = rest.rpartition("@")
    user, colon, _ = before.partition(":")
    shown = f"{user}:***@{after}" if colon else f"{before}{at}{after}"
    return _SECRET.sub(r"\1***", f"{scheme}{separator}{shown}")
