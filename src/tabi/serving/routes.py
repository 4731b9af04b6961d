"""The hot routes of a server's models."""

from __future__ import annotations

import re
from collections.abc import Callable

from tabi.serving.codec import Codec
from tabi.serving.endpoints import Endpoint, Holder, Large, Predict, PredictBatch, Translated
from tabi.serving.explanations import Explain
from tabi.serving.models import Models
from tabi.serving.ndjson import PredictLines
from tabi.serving.protocols import invocations, oip
from tabi.serving.served import Served
from tabi.serving.settings import Limits

_of_version = re.compile(r"/v2/models/([^/]+)/versions/([^/]+)/infer").fullmatch

_INVOCATIONS = "/invocations"
_INFER = "/v2/models/{name}/infer"
_INFER_BY_VERSION = "/v2/models/{name}/versions/{version}/infer"


def codec_of(limits: Limits) -> Codec:
    """What reads bodies within limits."""
    return Codec(limits.columns, limits.string, limits.row_body, limits.rows)


def endpoint_of(label: str, served: Holder, codec: Codec, limits: Limits, version: str | None = None) -> Large:
    """The endpoint of a route by its label, of those that a large body may come by. Law: its `label` is `label`."""
    if label == Predict.label:
        return Predict(served, codec, limits.row_body)
    if label == Explain.label:
        return Explain(served, codec, limits.row_body)
    if label == PredictBatch.label:
        return PredictBatch(served, codec, limits.body)
    if label == _INVOCATIONS:
        return Translated(label, served, invocations.invoke, invocations.failure, codec, limits.protocol_body)
    return Translated(label, served, oip.infer, oip.failure, codec, limits.protocol_body, version)


class Routes:
    """Endpoints by path, those that not everybody may use, and those that also take lines.

    A model's stand below its name, an only one's also without.
    """

    def __init__(self, models: Models, limits: Limits, feedback: Callable[[Served], Endpoint]) -> None:
        self.endpoints: dict[str, Endpoint] = {}
        self.guarded: dict[str, Endpoint] = {}
        self.lines: dict[str, PredictLines] = {}
        self._models = models
        self._limits = limits
        codec = self._codec = codec_of(limits)
        for served in models:
            self.endpoints[f"/v2/models/{served.name}/infer"] = self._endpoint(_INFER, served)
            for prefix in (f"/models/{served.name}", *([""] if models.only else [])):
                for label in (Predict.label, PredictBatch.label, Explain.label, _INVOCATIONS):
                    self.endpoints[prefix + label] = self._endpoint(label, served)
                self.lines[f"{prefix}/predict_batch"] = PredictLines(served, codec)
                self.guarded[f"{prefix}/feedback"] = feedback(served)

    def find(self, path: str) -> Endpoint | None:
        """The endpoint of a path, None if it is no hot one."""
        endpoint = self.endpoints.get(path) or self.guarded.get(path)
        if endpoint is None and path.endswith("/infer") and (found := _of_version(path)):
            name, version = found.groups()
            served = next((each for each in self._models if each.name == name), None)
            if served is not None:
                return self._endpoint(_INFER_BY_VERSION, served, version)
        return endpoint

    def _endpoint(self, label: str, served: Holder, version: str | None = None) -> Endpoint:
        return endpoint_of(label, served, self._codec, self._limits, version)
