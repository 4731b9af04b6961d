"""A slot holds the version that answers. A reload builds the new one first and then swaps one reference."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Lock

from tabi.errors import NotFoundError, NotReadyError
from tabi.serving.model import Model
from tabi.store import Store


class Slot:
    """Follows one reference of a store.

    A request takes the model once and keeps it: the old version lives until its last request ends.
    """

    def __init__(self, store: Store, ref: str, build: Callable[[Path], Model] = Model.open) -> None:
        self._store = store
        self._ref = ref
        self._build = build
        self._model: Model | None = None
        self._loading = Lock()

    @property
    def model(self) -> Model:
        """The version that answers now; `NotReadyError` before the first load."""
        if self._model is None:
            raise NotReadyError("no model is loaded yet: try again in a moment")
        return self._model

    def load(self) -> Model:
        """Load what the reference means now."""
        return self._swap(self._store.resolve(self._ref))

    def load_path(self, path: str) -> Model:
        """Load one bundle by its folder, which must lie inside the store."""
        folder = Path(path)
        if not self._store.contains(folder):
            raise NotFoundError("that path is no bundle of this server's store: name a snapshot below models/")
        return self._swap(folder)

    def _swap(self, folder: Path) -> Model:
        # two reloads at once must not end with the older one on top
        with self._loading:
            self._model = self._build(folder)
            return self._model
