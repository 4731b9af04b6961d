"""Every error that Tabi raises on purpose, and what becomes of it outside.

    TabiError
    ├── ConfigError          a configuration, an option or an environment variable is wrong
    ├── NotFoundError        a project, run, bundle or model that was named does not exist
    ├── SourceError          the rows could not be fetched
    ├── DataError            the rows cannot be used: no target, one class, an unsupported type
    ├── TrainingError        the search or the fit went wrong; a score that is not finite
    ├── CompileError         a step has no exact ONNX form
    ├── ParityError          the graph does not compute what the pipeline computes
    ├── GateError            a gate said fail: no bundle
    ├── BundleError          a bundle is incomplete, changed or of an unknown format
    │   └── SignatureError   a bundle is not signed by a key that is trusted here
    ├── ExplanationError     a model cannot be explained exactly, or an explanation does not add up
    ├── StoreError           the store is inconsistent or cannot be written
    │   └── ConflictError    somebody else moved the pointer first
    ├── StateError           the state database cannot be read or written
    ├── DeployError          a deployment did not get well, or cannot be carried out on its target
    ├── ForbiddenError       nobody, or somebody without the role, asked for it
    ├── RequestError         a request's body is not what the contract asks for
    ├── NotReadyError        the server has no model loaded yet
    └── StartError           a server cannot start: a model is not there, not whole, not trusted or not for this machine

A message is one line: what is wrong, where, and what to do. It never holds a data value.
`outcome_of` is the only place where an error becomes an exit code or an HTTP status.
"""

from __future__ import annotations

from typing import NamedTuple


class TabiError(Exception):
    """Root of the tree. Its text is shown to a person as it is, on one line."""


class ConfigError(TabiError):
    """A configuration, an option or an environment variable is wrong."""


class NotFoundError(TabiError):
    """Something that was named does not exist."""


class SourceError(TabiError):
    """The rows could not be fetched from their source."""


class DataError(TabiError):
    """The rows cannot be used for what was asked."""


class TrainingError(TabiError):
    """A search or a fit went wrong."""


class CompileError(TabiError):
    """A step of the pipeline has no exact ONNX form."""


class ParityError(TabiError):
    """The graph does not compute what the fitted pipeline computes."""


class GateError(TabiError):
    """A gate's verdict is fail, so there is no bundle."""


class BundleError(TabiError):
    """A bundle is incomplete, changed or of an unknown format."""


class SignatureError(BundleError):
    """A bundle is not signed by a key that is trusted here, or is not what was signed."""


class ExplanationError(TabiError):
    """A model cannot be explained exactly, or an explanation does not add up to the model's answer."""


class StoreError(TabiError):
    """The store is inconsistent or cannot be written."""


class ConflictError(StoreError):
    """Somebody else moved the pointer first: compare-and-set failed."""


class StateError(TabiError):
    """The state database cannot be read or written."""


class DeployError(TabiError):
    """A deployment did not get well, or cannot be carried out on its target."""


class ForbiddenError(TabiError):
    """Who asked for it is not known, or has not the role for it."""


class RequestError(TabiError):
    """A request's body is not what the contract asks for.

    `problems` lists each fault as (path inside the body, rule), for instance
    ("features.age", "not_a_number").
    """

    def __init__(self, message: str, problems: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems


class NotReadyError(TabiError):
    """The server has no model loaded yet."""


class StartError(TabiError):
    """A server cannot start with what it was told to serve."""


class Outcome(NamedTuple):
    """What an error becomes outside: an exit code for a shell, a status and title for HTTP."""

    exit_code: int
    status: int
    title: str


# Exit code 2 is for what the caller wrote wrongly, 1 for what went wrong with it. 78 is what sysexits.h calls a wrong
# configuration: whoever restarts containers can tell a model that is not there from a crash.
_OUTCOMES: dict[type[BaseException], Outcome] = {
    ConfigError: Outcome(2, 500, "The configuration is wrong"),
    NotFoundError: Outcome(2, 404, "Not found"),
    RequestError: Outcome(2, 422, "The request does not fit the contract"),
    BundleError: Outcome(1, 409, "The bundle cannot be used"),
    ConflictError: Outcome(1, 409, "Somebody else was first"),
    ForbiddenError: Outcome(1, 403, "Not allowed"),
    NotReadyError: Outcome(1, 503, "No model is loaded yet"),
    StartError: Outcome(78, 503, "The server cannot start"),
    TabiError: Outcome(1, 500, "The operation failed"),
    Exception: Outcome(1, 500, "Internal error"),
}


def outcome_of(error: BaseException) -> Outcome:
    """The outcome of the nearest class in the error's ancestry that the table names."""
    for ancestor in type(error).__mro__:
        if ancestor in _OUTCOMES:
            return _OUTCOMES[ancestor]
    return _OUTCOMES[Exception]
