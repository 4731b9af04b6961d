"""Terraform as a command: where its provider comes from, and what it says when it fails."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

LIMIT_S = 900
PROVIDER = "registry.terraform.io/hashicorp/aws"
# folders in which an administrator may have put a copy of the provider
_MIRRORS = ("/usr/local/share/terraform/plugins", "/usr/share/terraform/plugins", "/opt/terraform/plugins", "/opt/*")


class CheckError(Exception):
    """A command has failed; the text says which, and the end of what it printed."""


def run(
    *command: str, cwd: Path, environ: Mapping[str, str] | None = None, accept: tuple[int, ...] = (0,), text: str = ""
) -> str:
    """What the command prints. `CheckError` if it ends with a code that is not accepted."""
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **(environ or {})},
        input=text,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    if done.returncode not in accept:
        said = (done.stdout[-3000:] + done.stderr[-3000:]).strip()
        raise CheckError(f"{' '.join(command)} in {cwd.name} ended with {done.returncode}:\n{said}")
    return done.stdout


def terraform(cwd: Path, *arguments: str, environ: Mapping[str, str] | None = None) -> str:
    """`terraform …` in a layer."""
    return run("terraform", *arguments, cwd=cwd, environ=environ)


def environment(folder: Path) -> dict[str, str]:
    """Variables for Terraform: no questions, and the provider from a folder of this machine where there is one."""
    if shutil.which("terraform") is None:
        raise CheckError("there is no terraform on PATH: install 1.11 or a later 1.x")
    configuration = folder / "terraform.rc"
    configuration.write_text(_configuration(), encoding="utf-8")
    return {
        "TF_CLI_CONFIG_FILE": str(configuration),
        "TF_IN_AUTOMATION": "1",
        "TF_INPUT": "0",
        "TF_CLI_ARGS": "-no-color",
        "CHECKPOINT_DISABLE": "1",
    }


def _configuration() -> str:
    mirror = _mirror()
    if mirror is None:
        return ""
    return (
        "provider_installation {\n"
        f'  filesystem_mirror {{\n    path    = "{mirror}"\n    include = ["{PROVIDER}"]\n  }}\n'
        f'  direct {{\n    exclude = ["{PROVIDER}"]\n  }}\n'
        "}\n"
    )


def _mirror() -> Path | None:
    named = os.environ.get("TF_PLUGIN_MIRROR")
    places = [Path(named)] if named else [found for place in _MIRRORS for found in Path("/").glob(place.lstrip("/"))]
    return next((place for place in places if (place / PROVIDER).is_dir()), None)


def versions(cwd: Path, environ: Mapping[str, str]) -> str:
    """Terraform's version and the provider's."""
    lock = (cwd / ".terraform.lock.hcl").read_text(encoding="utf-8")
    provider = re.search(r'version\s+= "([^"]+)"', lock)
    own = terraform(cwd, "version", environ=environ).splitlines()[0]
    return f"{own}, AWS provider {provider.group(1) if provider else 'unknown'}"
