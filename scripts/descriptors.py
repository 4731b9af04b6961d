"""Compile the .proto files of the package to the descriptors that it reads: `python scripts/descriptors.py`.

Descriptors are data: no generated code is checked in, and any runtime of protobuf reads them.
"""

from __future__ import annotations

import sys
from pathlib import Path

from grpc_tools import protoc  # type: ignore[import-untyped]

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "tabi"


def compile_proto(proto: Path, target: Path) -> None:
    """Write the descriptors of `proto` to `target`."""
    arguments = ["protoc", f"--proto_path={proto.parent}", f"--descriptor_set_out={target}", proto.name]
    if protoc.main(arguments) != 0:
        sys.exit(f"{proto} is not compiled: mend what protoc names above")


def main() -> None:
    """Compile each file beside itself."""
    for proto in sorted(PACKAGE.rglob("*.proto")):
        compile_proto(proto, proto.with_suffix(".binpb"))


if __name__ == "__main__":
    main()
