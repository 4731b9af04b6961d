"""Make installed packages smaller for a server's image: `python image.py LIB SRC`.

Takes away what no server reads: tests, headers, the descriptions of services that are not asked, a second copy of the
runtime for programs in C, and of each shared library what only a debugger or a linker reads. Then compiles what a
server imports. What is left depends on the lock and the source alone, times included.
"""

from __future__ import annotations

import gzip
import importlib
import os
import pkgutil
import py_compile
import shutil
import struct
import sys
from contextlib import suppress
from pathlib import Path

UNREAD = (
    "bin",
    "**/tests",
    "onnxruntime/capi/libonnxruntime.so.*",
    "onnxruntime/transformers",
    "onnxruntime/tools",
    "onnxruntime/quantization",
    "onnxruntime/datasets",
    "onnxruntime/backend",
    "numpy/f2py",
    "numpy/distutils",
    "numpy/fft",
    "numpy/random",
    "numpy/testing",
    "numpy/_core/_simd.*.so",
    "numpy/_core/*_tests.*.so",
    # only its tools read models, and those are gone
    "google/protobuf",
    "google/_upb",
    "flatbuffers",
    # to colour source code of hundreds of languages; which there are is in the files beside them
    "pygments/lexers/[a-z]*.py",
    "pygments/lexers/*_builtins.py",
    "pygments/formatters/[a-z]*.py",
    "pygments/styles/[a-z]*.py",
    # as pydantic was before its second edition
    "pydantic/v1",
    # what of AWS is an object and not a call
    "boto3/data",
    "dateutil/zoneinfo/*.tar.gz",
    "*.dist-info/RECORD",
    "**/*.pyi",
    "**/*.pyx",
    "**/*.pxd",
    "**/*.h",
    "**/*.a",
)
# of the services of AWS, those that a store asks
ASKED = {"s3", "sts", "sso", "sso-oidc"}
# what a server imports before or with its first requests
IMPORTED = (
    "tabi.cli.main",
    "tabi.cli.serving",
    "tabi.cli.store",
    "tabi.serving.serve",
    "tabi.serving.run",
    "tabi.serving.worker",
    "tabi.serving.supervisor",
    "tabi.serving.child",
    "tabi.serving.large.child",
    "tabi.serving.pages",
    "tabi.serving.openapi",
    "tabi.store.s3",
    "packaging.specifiers",
    "uvicorn.protocols.http.httptools_impl",
    "uvicorn.lifespan.on",
    "uvloop",
)
# only in an image that has them
PERHAPS = ("boto3", "cryptography.hazmat.primitives.serialization", "tabi.bundle.signed")

# of 64 bits, the lowest byte first
ELF = b"\x7fELF\x02\x01"


def main() -> None:
    """Prune, then compile."""
    lib, source = (Path(argument).resolve() for argument in sys.argv[1:3])
    prune(lib)
    for library in sorted(lib.rglob("*.so*")):
        strip(library)
    for file in imported(lib, source):
        compile_one(file)
    for root in (lib, source):
        for path in (*root.rglob("*"), root, root.parent):
            same_everywhere(path)


def prune(lib: Path) -> None:
    """Take away what no server reads."""
    for pattern in UNREAD:
        for path in list(lib.glob(pattern)):
            remove(path)
    for path in list((lib / "botocore" / "data").glob("*/")):
        if path.name not in ASKED:
            remove(path)
    # its library looks for this as well
    for path in list((lib / "botocore" / "data").glob("*.json")):
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes(), mtime=0))
        remove(path)


def strip(library: Path) -> None:
    """Cut off what lies behind all that is loaded: the symbols and lines for debuggers, and the table of sections.

    Source: the ELF format, elf(5). Only program headers say what is loaded; a loader never reads sections.
    """
    data = library.read_bytes()
    if not data.startswith(ELF) or library.is_symlink():
        return
    (first,) = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    # of each part: its type and flags, its place in the file, two addresses, its length in the file
    parts = [struct.unpack_from("<IIQQQQ", data, first + size * number) for number in range(count)]
    end = max(first + size * count, *(place + length for _, _, place, _, _, length in parts))
    # no sections: neither their place, nor their size, nor how many they are
    library.write_bytes(data[:40] + bytes(8) + data[48:58] + bytes(6) + data[64:end])


def imported(lib: Path, source: Path) -> list[Path]:
    """The modules that a server imports, of the packages and of ours."""
    there = [name for name in PERHAPS if (lib / name.partition(".")[0]).is_dir() or name.startswith("tabi.")]
    for name in (*IMPORTED, *there):
        importlib.import_module(name)
    # what it imports later, with a policy, a kind of body or a protocol, but for those that an extra brings
    serving = importlib.import_module("tabi.serving")
    for module in pkgutil.walk_packages(serving.__path__, "tabi.serving."):
        with suppress(ImportError):
            importlib.import_module(module.name)
    if "boto3" in there:
        # the rest of it is imported with the first client
        importlib.import_module("boto3").client("s3", region_name="eu-central-1")
    files = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    found = [Path(file).resolve() for file in files if file and file.endswith(".py")]
    return [file for file in found if file.is_relative_to(lib) or file.is_relative_to(source)]


def compile_one(file: Path) -> None:
    """By content, which is never looked at again: the file's time does not count."""
    py_compile.compile(str(file), doraise=True, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)


def same_everywhere(path: Path) -> None:
    """Of one time, and of one mode, whatever the umask of the checkout was: the server's user must read it."""
    if not path.is_symlink():
        path.chmod(0o755 if path.is_dir() else 0o644)
    os.utime(path, (0, 0), follow_symlinks=False)


def remove(path: Path) -> None:
    """A file or a folder."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
