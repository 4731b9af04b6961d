"""The models of one worker: loading them, following the store, and reloading in agreement with the other workers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import Lock
from time import monotonic, sleep

from tabi.errors import ConfigError, NotFoundError, TabiError
from tabi.serving.agreement import Agreement, Wanted, WorkerState
from tabi.serving.messages import ModelStatus, Readiness, Reloaded
from tabi.serving.served import Served
from tabi.serving.settings import Settings

# for the other workers to follow a reload; they look several times a second
FOLLOW_SECONDS = 5.0


class Models:
    """Served models by name. `problems`: what else the worker has to tell, such as a log that cannot be written.

    `blocked`: whether no request is to come though every model is there.
    """

    def __init__(self, settings: Settings, agreement: Agreement, make: Callable[[str], Served]) -> None:
        self._settings = settings
        self._agreement = agreement
        self._made = [make(ref) for ref in settings.refs]
        # building a slot too: of two reloads, the later must not end up below the earlier
        self._changing = Lock()
        self.problems: Callable[[], list[str]] = list
        self.blocked: Callable[[], bool] = bool

    def load(self) -> None:
        """Load all models. What cannot be loaded is an error, or with `require: any` only if it is every one."""
        wanted = self._agreement.wanted()
        errors: list[TabiError] = []
        for served in self._made:
            try:
                self._load_first(served, wanted.paths.get(served.ref))
            except TabiError as error:
                errors.append(served.cannot_start(error))
                if self._settings.require == "all":
                    raise errors[0] from error
                served.note(error)
            served.keep_name()
        if len(errors) == len(self._made):
            raise errors[0]
        names = [served.name for served in self._made]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ConfigError(f"{twice[0]} was named twice: a server answers with one version of each model")
        self.follow()

    def _load_first(self, served: Served, path: str | None) -> None:
        """Load what is meant. If that is broken, a worker that is started again answers with what the others have."""
        try:
            served.load(path)
        except TabiError as error:
            folders = {state.folders.get(served.ref) for state in self._agreement.states()}
            for folder in folders - {None}:
                with suppress(TabiError):
                    served.load(folder)
                    served.note(error)
                    return
            raise

    def __iter__(self) -> Iterator[Served]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)

    def named(self, name: str) -> Served:
        """The model of that name; `NotFoundError` if the server has none."""
        for served in self._made:
            if served.name == name:
                return served
        raise NotFoundError(f"this server has no such model: it has {', '.join(served.name for served in self._made)}")

    @property
    def only(self) -> Served | None:
        """The model, if there is one."""
        return self._made[0] if len(self._made) == 1 else None

    def follow(self) -> None:
        """Look at the store and at what operators want, and load what is meant now. Nothing of a bundle is raised."""
        with self._changing:
            self._apply(self._agreement.wanted())

    def reload(self, name: str | None, path: str | None) -> Reloaded:
        """Load again here, and then everywhere; returns when the other workers have followed, or had time enough.

        Whatever is raised, nothing has changed anywhere.
        """
        chosen = [self.named(name)] if name is not None else self._made
        with self._changing:
            prepared = [served.prepare(path) for served in chosen]
            wanted = self._agreement.want({served.ref: path for served in chosen})
            for served, found in zip(chosen, prepared, strict=True):
                served.take(found)
            # by another worker, operators may have asked for more in the meantime
            self._apply(wanted)
        followed = self._wait(wanted.generation, chosen)
        status = "ok" if followed == self._agreement.workers else "partial"
        return Reloaded(status, [served.status for served in chosen], self._agreement.workers, followed)

    @property
    def statuses(self) -> list[ModelStatus]:
        """Each model's state in this worker."""
        return [served.status for served in self._made]

    def readiness(self) -> Readiness:
        """Whether this worker can answer, and what needs care."""
        statuses = self.statuses
        problems = [f"{s.name}: a newer version could not be loaded" for s in statuses if s.ready and s.problem]
        problems += [f"{s.name}: no version is loaded" for s in statuses if not s.ready]
        problems += [f"{served.name}: {served.unsteered}" for served in self._made if served.unsteered is not None]
        problems += [f"{served.name}: {served.distrust}" for served in self._made if served.distrust is not None]
        problems += [*self.problems(), *([self._agreement.problem] if self._agreement.problem else [])]
        missing = [not s.ready for s in statuses]
        if self.blocked() or all(missing) or (any(missing) and self._settings.require == "all"):
            return Readiness("not_ready", statuses, problems)
        return Readiness("degraded" if problems else "ready", statuses, problems)

    def _apply(self, wanted: Wanted) -> None:
        for served in self._made:
            served.follow(wanted.paths.get(served.ref))
        folders = {served.ref: str(served.folder) for served in self._made if served.folder is not None}
        self._agreement.tell(wanted.generation, self.statuses, self.problems(), folders)

    def _wait(self, generation: int, chosen: list[Served]) -> int:
        """How many workers answer with what this one answers with."""
        end = monotonic() + FOLLOW_SECONDS
        while True:
            followed = sum(1 for state in self._agreement.states() if _has_followed(state, generation, chosen))
            if followed >= self._agreement.workers or monotonic() > end:
                return followed
            sleep(0.01)


def _has_followed(state: WorkerState, generation: int, chosen: list[Served]) -> bool:
    versions = {status.name: status.version for status in state.models}
    return state.generation > generation or (
        state.generation == generation and all(versions.get(s.name) == s.status.version for s in chosen)
    )
