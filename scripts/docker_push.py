"""Push an image to a registry under the same tag, and write its reference by digest to build/image.txt.

    python scripts/docker_push.py tabi:<commit> HOST/NAME

Whoever deploys names what is in that file: a tag can be moved, a digest cannot. The record of kind `image` in the
workspace's evidence says which commit it was made from, by the label that `make docker-build` gave it.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path

from tabi.evidence import Record, append
from tabi.workspace import Workspace

ROOT = Path(__file__).resolve().parents[1]
LABEL = "org.opencontainers.image.revision"


def main() -> None:
    """Tag, push, and keep the digest that the registry answered with."""
    if len(sys.argv) != 3 or ":" not in sys.argv[1] or "@" in sys.argv[2]:
        sys.exit("usage: docker_push.py IMAGE:COMMIT REPOSITORY, such as tabi:0a1b2c HOST/tabi-dev-api")
    image, repository = sys.argv[1:]
    target = ROOT / "build" / "image.txt"
    # whoever reads it after a push that failed must not find the one before
    target.unlink(missing_ok=True)
    began = time.monotonic()
    digest, said = push(image, f"{repository}:{image.rpartition(':')[2]}")
    seconds = round(time.monotonic() - began, 1)
    note(repository, digest, commit_of(image), seconds)
    if not digest:
        sys.exit(said)
    reference = f"{repository}@{digest}"
    target.parent.mkdir(exist_ok=True)
    target.write_text(reference + "\n", encoding="utf-8")
    print(reference)


def push(image: str, tagged: str) -> tuple[str, str]:
    """The digest, empty if there is none; and what docker said."""
    code, said = docker("tag", image, tagged)
    if code == 0:
        code, said = docker("push", tagged)
    found = re.findall(r"digest: (sha256:[0-9a-f]{64})", said)
    if code or not found:
        return "", said.strip() or f"the registry told no digest of {tagged}: look at docker push {tagged}"
    return found[-1], said


def commit_of(image: str) -> str:
    """The commit that the image says it was made from; empty where it says none."""
    code, said = docker("image", "inspect", "--format", f'{{{{index .Config.Labels "{LABEL}"}}}}', image)
    found = said.strip()
    return found if code == 0 and re.fullmatch(r"[0-9a-f]{40}", found) else ""


def note(repository: str, digest: str, commit: str, seconds: float) -> None:
    """The evidence of the push."""
    inputs = {"digest": digest, "git_commit": commit}
    figures: dict[str, object] = {"seconds": seconds}
    if not digest:
        figures["reason"] = "it was not pushed"
    record = Record(
        kind="image", subject=repository, verdict="pass" if digest else "fail", inputs=inputs, figures=figures
    )
    append(Workspace.find(ROOT).evidence, record)


def docker(*arguments: str) -> tuple[int, str]:
    """The exit code of docker, and all that it said."""
    done = subprocess.run(
        ["docker", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    return done.returncode, done.stdout


if __name__ == "__main__":
    main()
