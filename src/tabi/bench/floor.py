"""The floor: what the web server alone does with the same bodies, before any model is in it.

Starlette on uvicorn with uvloop and httptools. It decodes the JSON body and answers a constant: a server that also
predicts cannot be expected to be faster, and is judged by how near it comes.

    python -m tabi.bench.floor --port N
"""

from __future__ import annotations

import argparse
import json

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

ANSWER = {"label": "yes", "probability": 0.5, "threshold": 0.5, "warnings": []}


async def predict(request: Request) -> JSONResponse:
    """Decode the body, and answer what is always answered."""
    json.loads(await request.body())
    return JSONResponse(ANSWER)


async def healthz(_request: Request) -> JSONResponse:
    """Answer that it is there."""
    return JSONResponse({"status": "ok"})


def create_floor() -> Starlette:
    """The app, with the routes of Tabi's server that are measured."""
    return Starlette(
        routes=[
            Route("/healthz", healthz),
            Route("/predict", predict, methods=["POST"]),
            Route("/predict_batch", predict, methods=["POST"]),
        ]
    )


def main() -> None:
    """Serve it until a signal comes."""
    parser = argparse.ArgumentParser(prog="python -m tabi.bench.floor", description="The floor of a prediction server.")
    parser.add_argument("--port", type=int, required=True)
    port = parser.parse_args().port
    config = uvicorn.Config(
        create_floor(), host="127.0.0.1", port=port, lifespan="off", ws="none", access_log=False, log_level="warning"
    )
    uvicorn.Server(config).run()


if __name__ == "__main__":
    main()
