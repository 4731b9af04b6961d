"""The hot routes of a server's models."""

from __future__ import annotations

import re

from tabi.serving.codec import Codec
from tabi.serving.endpoints import Endpoint, Predict, PredictBatch, Translated
from tabi.serving.explanations import Explain
from tabi.serving.models import Models
from tabi.serving.ndjson import PredictLines
from tabi.serving.protocols import invocations, oip
from tabi.serving.served import Served
from tabi.serving.settings import Limits

_of_version = re.compile(r"/v2/models/([^/]+)/versions/([^/]+)/infer").fullmatch


class Routes:
    """Endpoints by path, and those that also take lines. A model's stand below its name, an only one's also without."""

    def __init__(self, models: Models, limits: Limits) -> None:
        self.endpoints: dict[str, Endpoint] = {}
        self.lines: dict[str, PredictLines] = {}
        self._models = models
        self._limits = limits
        codec = self._codec = Codec(limits.columns, limits.string, limits.row_body, limits.rows)
        for served in models:
            self.endpoints[f"/v2/models/{served.name}/infer"] = self._infer("/v2/models/{name}/infer", served)
            for prefix in (f"/models/{served.name}", *([""] if models.only else [])):
                self.endpoints[f"{prefix}/predict"] = Predict(served, codec, limits.row_body)
                self.endpoints[f"{prefix}/predict_batch"] = PredictBatch(served, codec, limits.body)
                self.endpoints[f"{prefix}/explain"] = Explain(served, codec, limits.row_body)
                self.lines[f"{prefix}/predict_batch"] = PredictLines(served, codec)
                self.endpoints[f"{prefix}/invocations"] = Translated(
                    "/invocations", served, invocations.invoke, invocations.failure, codec, limits.protocol_body
                )

    def find(self, path: str) -> Endpoint | None:
        """The endpoint of a path, None if it is no hot one."""
        endpoint = self.endpoints.get(path)
        if endpoint is None and path.endswith("/infer") and (found := _of_version(path)):
            name, version = found.groups()
            served = next((each for each in self._models if each.name == name), None)
            if served is not None:
                return self._infer("/v2/models/{name}/versions/{version}/infer", served, version)
        return endpoint

    def _infer(self, label: str, served: Served, version: str | None = None) -> Endpoint:
        return Translated(label, served, oip.infer, oip.failure, self._codec, self._limits.protocol_body, version)
