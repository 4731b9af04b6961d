"""`POST /explain`: one row with the share of each column in its answer, if the bundle was released with it."""

from __future__ import annotations

import logging
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

import msgspec
import numpy as np
import numpy.typing as npt

from tabi.bundle import layout
from tabi.contract import Contract, Fault
from tabi.errors import ExplanationError
from tabi.explain import Explained, Explainer, Link
from tabi.serving.answers import Answers
from tabi.serving.batching import Done
from tabi.serving.codec import encode, read_predict
from tabi.serving.endpoints import JSON, Asking, Predict, unsupported
from tabi.serving.messages import Place, Response, Row
from tabi.serving.model import Model
from tabi.serving.places import path_in_features, refusal_of_rows, warnings_of
from tabi.serving.problems import problem

ABSENT = (
    "this version was released without explanations: set `explain: true` in the project's config.yaml and release it "
    "again"
)

# they go with their models
_explainers: WeakKeyDictionary[Model, Explainer] = WeakKeyDictionary()
_opening = Lock()
_log = logging.getLogger("tabi.serving")


class Contribution(msgspec.Struct):
    """What a column adds to the score, or takes from it."""

    column: str
    contribution: float


class ClassExplanation(msgspec.Struct):
    """One score of the row: `of` a class, or of the target of a regression.

    `answer` is the model's own, the probability or the value; it is the link's image of `score`, which is `base` plus
    all contributions. The largest contribution stands first.
    """

    of: str
    answer: float
    score: float
    base: float
    contributions: list[Contribution]


class ExplainReply(msgspec.Struct):
    """Answer to `POST /explain`: the prediction (a label or a value) and the explanation of one score.

    That is the positive class's, of several classes the predicted one's. `classes`: those of all, if there are more
    than two. `link`: identity, logit, log or softmax, by which a score becomes the answer.
    """

    prediction: str | float
    link: Link
    of: str
    answer: float
    score: float
    base: float
    contributions: list[Contribution]
    classes: list[ClassExplanation]
    model: str
    version: str
    request_id: str
    warnings: list[Place]


class Explain(Predict):
    """`POST /explain`: the body of `/predict`, and another answer.

    It is large however small its body is: an explanation takes as long as hundreds of rows.
    """

    label = "/explain"

    def inline(self, kind: bytes, accept: bytes, size: int) -> bool:  # noqa: ARG002
        """None is, but that there are no explanations is told at once."""
        return self.served.ready and not has_explanation(self.served.slot.model)

    def light(self, body: bytes) -> bool:  # noqa: ARG002
        """What is inline is."""
        return True

    def start(self, asking: Asking, done: Done) -> None:
        """Say that there are no explanations."""
        done(self.work(asking))

    def work(self, asking: Asking) -> Response:
        """Answer one row."""
        model = self.served.slot.model
        if not has_explanation(model):
            return problem(501, ABSENT, asking.request_id)
        if asking.kind not in JSON:
            return unsupported(asking, "application/json")
        row = self._read(asking.body)
        try:
            return Response(encode(explain_row(model, row, asking.request_id)))
        except ExplanationError as error:
            # its text names neither values nor folders
            _log.error("request %s: %s", asking.request_id, error)
            return problem(500, str(error), asking.request_id)


def has_explanation(model: Model) -> bool:
    """Whether the model's bundle was released with explanations."""
    return any(entry.path == layout.EXPLANATION for entry in model.bundle.manifest.files)


def explainer_of(model: Model) -> Explainer:
    """The explainer of a model that has one, opened with the first row that asks for it.

    `BundleError` if its file is not what was released.
    """
    with _opening:
        if model not in _explainers:
            document = model.bundle.document(layout.EXPLANATION)
            _explainers[model] = Explainer.of_bundle(document, model.contract)
        return _explainers[model]


def explain_body(model: Model, body: bytes, request_id: str) -> ExplainReply:
    """The reply to a body of one row: what `tabi predict --explain` prints. `ExplanationError` if there is none."""
    if not has_explanation(model):
        raise ExplanationError(ABSENT)
    return explain_row(model, read_predict(body), request_id)


def explain_row(model: Model, row: Row, request_id: str) -> ExplainReply:
    """The reply for one row.

    `RequestError` names what cannot be let pass, `ExplanationError` says that the explanation does not add up.
    """
    explainer = explainer_of(model)
    tensors, faults, refused = model.read([row])
    answers = model.session.run(tensors)[0]
    if refused:
        raise refusal_of_rows(refused, path_in_features)
    try:
        explained = explainer.explain(tensors, answers)
    except OverflowError as error:
        raise refusal_of_rows([Fault(0, "", model.answers.rule)], path_in_features) from error
    found = _scores(explained, answers.ravel(), model.contract)
    best, prediction = _prediction(model.answers, answers)
    first = found[best]
    return ExplainReply(
        prediction,
        explainer.link,
        first.of,
        first.answer,
        first.score,
        first.base,
        first.contributions,
        found if len(found) > 1 else [],
        model.name,
        model.version,
        request_id,
        warnings_of(faults, path_in_features),
    )


def _prediction(answers: Answers[Any], outputs: npt.NDArray[np.float64]) -> tuple[int, str | float]:
    """Which score is told first, and the label or value."""
    labels = answers.labels(outputs)
    if labels is None:
        return 0, float(outputs[0])
    # one output a row is the positive class's
    return 0 if outputs.ndim == 1 else int(labels.codes[0]), labels.texts()[0]


def _scores(explained: Explained, answers: npt.NDArray[np.float64], contract: Contract) -> list[ClassExplanation]:
    target = contract.target
    # of two classes there is one score, the positive one's
    names = target.classes if len(answers) > 1 else (target.classes[-1] if target.classes else target.name,)
    columns = [column.name for column in contract.columns]
    return [
        ClassExplanation(
            name,
            float(answers[index]),
            float(explained.score[0, index]),
            float(explained.base[index]),
            _sorted(columns, explained.contributions[0, index].tolist()),
        )
        for index, name in enumerate(names)
    ]


def _sorted(columns: list[str], values: list[float]) -> list[Contribution]:
    pairs = sorted(zip(columns, values, strict=True), key=lambda pair: -abs(pair[1]))
    return [Contribution(*pair) for pair in pairs]
