"""The description is true: schemathesis asks a real server whatever it allows, and what it forbids."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.schemas import APIOperation, BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.serving.conftest import Harbour, Server, serving

TRUE = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
]
# what this bundle or this server has not answers 501, which is what is described
ABSENT = ("explain", "feedback")


def ask_all(schema: BaseSchema, examples: int) -> list[str]:
    """Ask every operation this often, as it is described and otherwise; the operations that were asked."""
    asked = []
    for found in schema.get_all_operations():
        operation = cast(Any, found).ok()
        for mode in GenerationMode:
            ask(operation, mode, examples)
        asked.append(operation.label)
    return asked


def ask(operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode, examples: int) -> None:
    checks = TRUE[1:] if operation.path.endswith(ABSENT) else TRUE

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=examples,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    def run(case: Any) -> None:
        case.call_and_validate(checks=checks, timeout=20)

    try:
        run()
    except Unsatisfiable:
        # what takes nothing cannot be asked otherwise
        assert mode is GenerationMode.NEGATIVE


def described(server: Server) -> BaseSchema:
    return described_at(server.host, server.port)


def described_at(host: str, port: int) -> BaseSchema:
    return schemathesis.openapi.from_url(f"http://{host}:{port}/openapi.json")


@pytest.fixture
def several(harbour: Harbour) -> Iterator[Server]:
    with serving(harbour.store.root, "voyage", "strict") as running:
        yield running


def test_every_answer_is_one_that_is_described(server: Server) -> None:
    asked = ask_all(described(server), 6)
    assert {"POST /predict", "POST /predict_batch", "POST /v2/models/voyage/infer", "GET /readyz"} <= set(asked)
    assert server.process.poll() is None


def test_a_server_of_several_models_is_described_too(several: Server) -> None:
    asked = ask_all(described(several), 2)
    assert {"POST /models/voyage/predict", "POST /models/strict/predict_batch"} <= set(asked)
    assert "POST /predict" not in asked
