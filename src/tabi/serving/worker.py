"""A worker's parts, put together: models, telemetry, doors."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from threading import Lock

from tabi.serving.agreement import Agreement
from tabi.serving.feedback import Feedback
from tabi.serving.http.door import App, Door, Receive, Refusal, Scope, Send
from tabi.serving.http.guard import Guard
from tabi.serving.http.origins import Origins
from tabi.serving.http.plain import plain_routes
from tabi.serving.http.tokens import Tokens
from tabi.serving.http.watch import ROUTES, Watch
from tabi.serving.keeping import Keeping
from tabi.serving.large.process import LargeRequests
from tabi.serving.model import Model
from tabi.serving.models import Models
from tabi.serving.protocols.exchange import Found
from tabi.serving.recorder import Recorder
from tabi.serving.routes import Routes
from tabi.serving.served import Event, Served
from tabi.serving.settings import Settings
from tabi.serving.slot import Slot
from tabi.serving.steering.calls import found_by
from tabi.serving.steering.flags import Flags
from tabi.serving.steering.shadow import Shadows
from tabi.serving.steering.steerer import Steerer
from tabi.serving.telemetry.cells import Cells
from tabi.serving.telemetry.hooks import FeedbackMetrics, ReloadMetrics, RequestMetrics
from tabi.serving.telemetry.trace import Tracer
from tabi.store import Store

_log = logging.getLogger("tabi.serving")


class Worker:
    """One process's share of a server. `door` is its ASGI app, once `open` has been called."""

    door: Door
    grpc_port: int | None = None

    def __init__(self, settings: Settings, folder: Path, number: int = 0) -> None:
        """`folder`: that all workers of the server share while it runs."""
        self.settings = settings
        self.number = number
        self.tokens = Tokens(settings.tokens)
        self._folder = folder
        self._cells = Cells(folder, number)
        self._keeping = Keeping(settings, number, self._cells)
        self._counting = Lock()
        self._following: str | None = None
        self._large = LargeRequests(settings, folder, number)
        self._tracer = Tracer.from_environment()
        store = Store(settings.store_url or settings.store)
        agreement = Agreement(folder, number, settings.workers)
        self._flags = Flags.from_environment(self._cells)
        self._shadows = Shadows(settings, folder, number, self._cells)
        steerer = Steerer(self._cells, self._shadows, self._flags)
        self.models = Models(
            settings, agreement, lambda ref: Served(store, ref, self._slot, self._note, settings.trust, steerer)
        )
        self.models.problems = self._problems
        self.models.blocked = lambda: self._keeping.blocking

    def load(self) -> None:
        """Load the models."""
        self.models.load()

    def open(self, admin_port: int | None) -> None:
        """Build the doors over the models. `admin_port`: who comes by it is an operator."""
        origins = Origins(self.settings.origins)
        guard = Guard(admin_port, self.tokens, origins)
        watch = Watch(RequestMetrics(self._cells, ROUTES), self._tracer, log_all=self.settings.access_log)
        other = _Later(lambda: _pages(self.models, guard))
        plain = plain_routes(self.models, guard, self._folder, self.settings.metrics)
        routes = Routes(self.models, self.settings.limits, self._feedback)
        self.door = Door(routes, plain, other, self._large, watch, origins, self._refusal(guard))

    def _refusal(self, guard: Guard) -> Refusal:
        if self.settings.feedback == "public":
            return lambda _scope, _request_id: None
        return lambda scope, request_id: guard.refusal(scope, "feedback", request_id)

    def _feedback(self, served: Served) -> Feedback:
        return Feedback(served, self._keeping.writer, self.settings.limits, FeedbackMetrics(self._cells, served.name))

    @property
    def versions(self) -> tuple[tuple[str, str], ...]:
        """Each model that is loaded, with the version that answers."""
        return tuple((served.name, served.slot.model.version) for served in self.models if served.ready)

    def decider(self, name: str, version: str, request_id: str, unit: str) -> Found:
        """A model, and what decides for one request of it and records: how gRPC asks."""
        return found_by(self.models.named(name), version, request_id, unit)

    def follow(self) -> None:
        """Look at the store, and count what is still buffered."""
        problem = None
        try:
            self.models.follow()
        except Exception as error:  # noqa: BLE001  whatever it is, the next look may go better
            problem = f"{type(error).__name__}: {error}"
            if problem != self._following:
                # several times a second would be too often
                _log.exception("looking at the store failed")
        self._following = problem
        self._large.held = sum(served.held for served in self.models)
        self._keeping.tick()
        self._count()

    def _count(self) -> None:
        """Count what recorders and the log have not told yet."""
        for served in self.models:
            served.flush()
            ReloadMetrics(self._cells, served.name).failing(served.status.problem is not None)
        self._keeping.count()

    def close(self) -> None:
        """Let everything go: to be called when the last request has been answered, or where none ever was."""
        if hasattr(self, "door"):
            self.door.close()
        self._count()
        self._keeping.close()
        self._tracer.close()
        self._shadows.close()
        if self._flags is not None:
            self._flags.close()
        self._cells.close()

    def _slot(self, model: Model) -> Slot:
        recorder = Recorder(model, self._keeping.log, self._cells, self._counting, self._keeping.privacy)
        return Slot(model, recorder, self.settings.limits.rows)

    def _note(self, event: Event) -> None:
        ReloadMetrics(self._cells, event.model).observe(event.outcome, round(event.seconds * 1e9))

    def _problems(self) -> list[str]:
        contracts = [served.slot.model.contract for served in self.models if served.ready]
        found = [*self._keeping.problems(contracts), self._cells.problem]
        found += [*self._large.problems, *self._shadows.problems]
        # the disk that one process finds full, the other does too
        return list(dict.fromkeys(problem for problem in found if problem is not None))


class _Later:
    """An app that is built with its first request, in a thread."""

    def __init__(self, build: Callable[[], App]) -> None:
        self._build = build
        self._app: App | None = None
        self._building = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._app
        if app is None:
            app = await self._built()
        await app(scope, receive, send)

    async def _built(self) -> App:
        async with self._building:
            if self._app is None:
                self._app = await asyncio.to_thread(self._build)
            return self._app


def _pages(models: Models, guard: Guard) -> App:
    from tabi.serving.pages import create_pages

    return create_pages(models, guard)
