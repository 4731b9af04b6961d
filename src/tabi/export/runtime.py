"""onnxruntime-web, the graph's runtime in a browser: one version, known by its digests, wherever it comes from.

It comes from a folder or package file that is given, from the copy of an export before, or from npm, which knows the
user's registry, proxy and certificates. Nothing of it is used whose digest is another.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tabi.errors import ConfigError

PACKAGE = "onnxruntime-web"
VERSION = "1.30.0"
# as npm's registry and package-lock.json write it
INTEGRITY = "sha512-q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
CODE = "ort.wasm.bundle.min.mjs"
WASM = "ort-wasm-simd-threaded.wasm"
DIGESTS = {
    CODE: "11e64bd8ffe11bd1a2a2f0d6275fdfbbba7262f0b76b99b53d228a8a22ef3d90",
    WASM: "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
}
NPM_LIMIT_S = 300

# where the two files lie in a folder: alone, in the unpacked package, in a project that has it
_PLACES = (".", "dist", "package/dist", f"{PACKAGE}/dist", f"node_modules/{PACKAGE}/dist")
_GIVE = f"give --runtime a folder or package file of {PACKAGE} {VERSION}"


class Runtime(NamedTuple):
    """The two files that a page carries: the JavaScript, and the WebAssembly that it starts."""

    code: bytes
    wasm: bytes


def find_runtime(given: Path | None = None, environ: Mapping[str, str] = os.environ) -> Runtime:
    """The runtime; `ConfigError` says why there is none and what to do. `given`: look there and nowhere else."""
    if given is not None:
        return _package(_read(given)) if given.is_file() else _folder(given)
    copy = cache_folder(environ)
    try:
        return _checked({name: (copy / name).read_bytes() for name in DIGESTS}, str(copy))
    except (OSError, ConfigError):
        found = _package(_from_npm(environ))
        _keep(copy, found)
        return found


def cache_folder(environ: Mapping[str, str]) -> Path:
    """Where the copy for the next export is kept."""
    root = environ.get("XDG_CACHE_HOME") or Path(environ.get("HOME") or Path.home()) / ".cache"
    return Path(root) / "tabi" / f"{PACKAGE}-{VERSION}"


def _folder(given: Path) -> Runtime:
    for place in _PLACES:
        folder = given / place
        if all((folder / name).is_file() for name in DIGESTS):
            return _checked({name: _read(folder / name) for name in DIGESTS}, str(folder))
    raise ConfigError(f"{given} does not hold {CODE} and {WASM}: {_GIVE}")


def _package(content: bytes) -> Runtime:
    """The files of npm's package file, of which the digest is compared before it is unpacked."""
    found = "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()
    if found != INTEGRITY:
        raise ConfigError(f"the package is not {PACKAGE} {VERSION} as it was published: {_GIVE}")
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
        members = {name: archive.extractfile(f"package/dist/{name}") for name in DIGESTS}
        return _checked({name: member.read() for name, member in members.items() if member}, "the package")


def _checked(contents: Mapping[str, bytes], place: str) -> Runtime:
    for name, content in contents.items():
        if hashlib.sha256(content).hexdigest() != DIGESTS[name]:
            raise ConfigError(f"{name} in {place} is not that of {PACKAGE} {VERSION}: {_GIVE}")
    return Runtime(contents[CODE], contents[WASM])


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}): {_GIVE}") from error


def _from_npm(environ: Mapping[str, str]) -> bytes:
    npm = shutil.which("npm", path=environ.get("PATH"))
    if npm is None:
        raise ConfigError(f"there is no npm to fetch {PACKAGE} {VERSION}: install Node, or {_GIVE}")
    with tempfile.TemporaryDirectory() as folder:
        command = [npm, "pack", f"{PACKAGE}@{VERSION}", "--pack-destination", folder, "--ignore-scripts", "--silent"]
        try:
            done = subprocess.run(
                command, cwd=folder, env=dict(environ), capture_output=True, timeout=NPM_LIMIT_S, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ConfigError(f"npm did not fetch {PACKAGE} {VERSION} ({type(error).__name__}): {_GIVE}") from error
        packed = list(Path(folder).glob("*.tgz"))
        if done.returncode != 0 or not packed:
            raise ConfigError(f"npm did not fetch {PACKAGE} {VERSION} (exit {done.returncode}): {_GIVE}")
        return packed[0].read_bytes()


def _keep(folder: Path, runtime: Runtime) -> None:
    """Keep a copy; a folder that cannot be written only costs the next export its time."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in ((CODE, runtime.code), (WASM, runtime.wasm)):
            part = folder / f".{name}.{os.getpid()}"
            part.write_bytes(content)
            part.replace(folder / name)
    except OSError:
        return
