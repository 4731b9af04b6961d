"""Push an image to a registry under the same tag, and write its reference by digest to build/image.txt.

    python3 scripts/docker_push.py tabi:<commit> HOST/NAME

Whoever deploys names what is in that file: a tag can be moved, a digest cannot.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Tag, push, and keep the digest that the registry answered with."""
    if len(sys.argv) != 3 or ":" not in sys.argv[1] or "@" in sys.argv[2]:
        sys.exit("usage: docker_push.py IMAGE:COMMIT REPOSITORY, such as tabi:0a1b2c HOST/tabi-dev-api")
    image, repository = sys.argv[1:]
    target = ROOT / "build" / "image.txt"
    # whoever reads it after a push that failed must not find the one before
    target.unlink(missing_ok=True)
    tagged = f"{repository}:{image.rpartition(':')[2]}"
    docker("tag", image, tagged)
    found = re.findall(r"digest: (sha256:[0-9a-f]{64})", docker("push", tagged))
    if not found:
        sys.exit(f"the registry told no digest of {tagged}: look at docker push {tagged}")
    reference = f"{repository}@{found[-1]}"
    target.parent.mkdir(exist_ok=True)
    target.write_text(reference + "\n", encoding="utf-8")
    print(reference)


def docker(*arguments: str) -> str:
    """Run docker; its output, or the end with its exit code and its words."""
    done = subprocess.run(
        ["docker", *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode:
        sys.stderr.write(done.stdout)
        sys.exit(done.returncode)
    return done.stdout


if __name__ == "__main__":
    main()
