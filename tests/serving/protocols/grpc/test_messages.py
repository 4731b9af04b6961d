"""The descriptors that are checked in."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

from tabi.serving.protocols.grpc import messages

REPOSITORY = Path(__file__).resolve().parents[4]


def test_the_descriptors_are_those_of_the_proto(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("descriptors", REPOSITORY / "scripts" / "descriptors.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.compile_proto(messages.DESCRIPTORS.with_suffix(".proto"), tmp_path / "made")
    assert messages.DESCRIPTORS.read_bytes() == (tmp_path / "made").read_bytes()


def told(descriptor: Any, only: Any = None) -> dict[str, Any]:
    """Number and type of every field of a message and of the messages in it; of those that `only` has."""
    found: dict[str, Any] = {}
    for field in descriptor.fields:
        if only is None or field.name in only:
            inner = None if field.message_type is None else told(field.message_type, only and only[field.name][2])
            found[field.name] = (field.number, field.type, inner)
    return found


def test_names_and_numbers_are_those_of_a_client_that_is_not_ours() -> None:
    from tritonclient.grpc import service_pb2  # type: ignore[import-untyped]

    for pair in messages.methods().values():
        for message in pair:
            ours = told(message.DESCRIPTOR)
            # theirs has fields of extensions beside them
            assert told(getattr(service_pb2, message.__name__).DESCRIPTOR, ours) == ours


def test_the_service_has_the_six_methods_of_the_protocol() -> None:
    from tritonclient.grpc import service_pb2

    theirs = service_pb2.DESCRIPTOR.services_by_name["GRPCInferenceService"]
    assert theirs.full_name == messages.SERVICE
    assert set(messages.methods()) == {
        *("ServerLive", "ServerReady", "ModelReady", "ServerMetadata", "ModelMetadata", "ModelInfer")
    }
    for name, (request, response) in messages.methods().items():
        method = theirs.methods_by_name[name]
        assert (method.input_type.name, method.output_type.name) == (request.__name__, response.__name__)
