"""A slot holds the version that answers. A reload builds the new one first and then swaps one reference."""

from __future__ import annotations

from threading import Lock

from tabi.errors import NotFoundError, NotReadyError
from tabi.serving.model import Model
from tabi.store import Store


class Slot:
    """Follows one reference of a store.

    A request takes the model once and keeps it: the old version lives until its last request ends.
    """

    def __init__(self, store: Store, ref: str) -> None:
        self._store = store
        self._ref = ref
        self._model: Model | None = None
        self._loading = Lock()

    @property
    def model(self) -> Model:
        """The version that answers now; `NotReadyError` before the first load."""
        if self._model is None:
            raise NotReadyError("no model is loaded yet: try again in a moment")
        return self._model

    def load(self) -> Model:
        """Load what the reference means now. Whatever is raised, the version before stays."""
        # the reference is read under the lock too: of two reloads, the later must not end up below the earlier
        with self._loading:
            self._model = Model.open(self._store.resolve(self._ref))
            return self._model

    def load_path(self, path: str) -> Model:
        """Load one bundle by its folder, absolute or relative to the store, in which it must lie.

        `NotFoundError` for any other path. Whatever is raised, the version before stays.
        """
        folder = self._store.root / path
        if ".." in folder.parts or not self._store.contains(folder):
            raise NotFoundError("a path was refused that is no bundle of the store: name a snapshot below models/")
        with self._loading:
            # links were followed to judge the path, so they are not followed again
            self._model = Model.open(folder.resolve())
            return self._model
