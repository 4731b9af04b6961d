"""Runs where KServe is installed and nothing of ours is: asks servers by its REST and gRPC clients, prints answers."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import numpy as np

COLUMNS = {
    "age": np.array([39.0, np.nan, 5.0]),
    "fare": np.array([7.25, 100.0, 0.0], np.float32),
    "sex": np.array([b"male", b"female", b""], object),
    "city": np.array(["東京".encode(), b"Kyoto", "Ōsaka".encode()], object),
}
DATATYPES = {"age": "FP64", "fare": "FP32", "sex": "BYTES", "city": "BYTES"}


def request_of(*, binary: bool, columns: dict[str, Any] | None = None) -> Any:
    """All columns as tensors, as bytes or as JSON."""
    from kserve import InferInput, InferRequest  # type: ignore[import-not-found]

    inputs = []
    for name, values in (columns or COLUMNS).items():
        tensor = InferInput(name, list(values.shape), DATATYPES[name])
        tensor.set_data_from_numpy(values, binary_data=binary)
        inputs.append(tensor)
    return InferRequest("voyage", inputs, request_id="42")


def told(response: Any) -> dict[str, Any]:
    """What is compared of an answer."""
    outputs = {output.name: output.as_numpy().tolist() for output in response.outputs}
    labels = [label.decode() if isinstance(label, bytes) else label for label in outputs["label"]]
    return {
        "id": response.id,
        "model": response.model_name,
        "probability": outputs["probability"],
        "label": labels,
    }


async def main(rest: str, grpc: str) -> None:
    """Ask everything, and print it as JSON."""
    from kserve import InferenceGRPCClient, InferenceRESTClient, RESTConfig

    found: dict[str, Any] = {}
    async with InferenceRESTClient(RESTConfig(protocol="v2")) as client:
        found["live"] = await client.is_server_live(rest)
        found["ready"] = await client.is_server_ready(rest)
        found["model_ready"] = await client.is_model_ready(rest, "voyage")
        found["stranger_ready"] = await client.is_model_ready(rest, "stranger")
        for name, binary in (("rest", False), ("rest, binary", True)):
            found[name] = told(await client.infer(rest, request_of(binary=binary), model_name="voyage"))
        uneven = {"age": np.ones(2), "fare": np.ones(3, np.float32)}
        try:
            await client.infer(rest, request_of(binary=True, columns=uneven), model_name="voyage")
        except Exception as error:  # noqa: BLE001  of whatever class it is, its text is what a user sees
            found["error"] = str(error)
    async with InferenceGRPCClient(grpc) as client:
        found["grpc_ready"] = await client.is_model_ready("voyage")
        for name, binary in (("grpc", False), ("grpc, raw", True)):
            answer = await client.infer(request_of(binary=binary))
            found[name] = told(answer)
            # the REST client does not read it
            found["version"] = answer.model_version
    print(json.dumps(found))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
