"""What a Dockerfile and a .dockerignore say, as far as it decides what is in the image."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import NamedTuple

# a file that the image must have so that a model is there
SAMPLE = "adult/latest/manifest.json"


class Instruction(NamedTuple):
    """One line of a Dockerfile, its continuations joined."""

    word: str
    rest: str


@dataclass
class Stage:
    """What a stage has, those that it stands on included. `base`: the image below them all."""

    base: str
    instructions: list[Instruction] = field(default_factory=list)

    def all(self, word: str) -> list[str]:
        """What every instruction of this word says, in order."""
        return [found.rest for found in self.instructions if found.word == word]

    @property
    def environment(self) -> dict[str, str]:
        """ENV, in the form NAME=VALUE."""
        return dict(pair.split("=", 1) for line in self.all("ENV") for pair in line.split())

    @property
    def copied(self) -> list[tuple[str, str]]:
        """What is copied from the context: from where, to where."""
        lines = [line.split() for line in self.all("COPY") if "--from=" not in line]
        return [(source, line[-1]) for line in lines for source in line[:-1] if not source.startswith("--")]

    @property
    def volumes(self) -> list[str]:
        """VOLUME, in the form of JSON."""
        return [path for line in self.all("VOLUME") for path in json.loads(line)]


def instructions(text: str) -> list[Instruction]:
    """The instructions of a Dockerfile."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n", " ", "\n".join(lines))
    pairs = (line.split(None, 1) for line in joined.splitlines() if line.strip())
    return [Instruction(word.upper(), " ".join(rest.split())) for word, rest in pairs]


def built(text: str, **arguments: str) -> Stage:
    """The last stage, as `docker build --build-arg` with these arguments makes it."""
    known: dict[str, str] = {}
    stages: dict[str, Stage] = {}
    last: Stage | None = None
    for word, rest in instructions(text):
        if word == "ARG" and last is None:
            name, _, value = rest.partition("=")
            known[name] = arguments.get(name, value)
        elif word == "FROM":
            base, _, name = rest.partition(" AS ")
            base = re.sub(r"\$\{(\w+)\}", lambda found: known[found[1]], base)
            below = stages.get(base)
            last = Stage(below.base, list(below.instructions)) if below else Stage(base)
            stages[name or "the last"] = last
        else:
            assert last is not None
            last.instructions.append(Instruction(word, rest))
    assert last is not None
    return last


def in_context(path: str, dockerignore: str) -> bool:
    """Whether `docker build` sees a path: of all patterns that it or a folder above it matches, the last decides."""
    parts = PurePosixPath(path).parts
    whole = ["/".join(parts[: end + 1]) for end in range(len(parts))]
    ignored = False
    for line in dockerignore.splitlines():
        pattern = line.strip()
        if pattern and not pattern.startswith("#"):
            keep = pattern.startswith("!")
            if any(_matcher(pattern.removeprefix("!")).fullmatch(each) for each in whole):
                ignored = not keep
    return not ignored


def _matcher(pattern: str) -> re.Pattern[str]:
    found = ""
    for token in re.split(r"(\*\*/|\*\*|\*|\?)", pattern.strip("/")):
        found += {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}.get(token, re.escape(token))
    return re.compile(found)


def below(path: str, folder: str) -> bool:
    """Whether a path is a folder or lies in it."""
    return PurePosixPath(path).is_relative_to(folder)


class Container(NamedTuple):
    """A container of the server as some file configures it. `mounts`: each target, and whether it can be written."""

    environment: dict[str, str]
    mounts: dict[str, bool]


def missing(container: Container, dockerfile: str, dockerignore: str, models: str = "mounted") -> list[str]:
    """What the configuration names and the container would not have; empty if all is there."""
    stage = built(dockerfile, MODELS=models)
    environment = stage.environment | container.environment
    # a volume that only the image declares is empty and can be written
    writable = [*stage.volumes, *(target for target, can in container.mounts.items() if can)]
    found = []
    place = environment["TABI_STORE"]
    if place.startswith("s3://"):
        if not any(below(environment["TABI_CACHE"], target) for target in writable):
            found.append(f"TABI_CACHE {environment['TABI_CACHE']} cannot be written")
    elif not _mounted(f"{place}/models", container) and not _baked(f"{place}/models", stage, dockerignore):
        found.append(f"TABI_STORE {place} is neither mounted nor in the image")
    log = environment["TABI_PREDICTIONS"]
    if not any(below(log, target) for target in writable):
        found.append(f"TABI_PREDICTIONS {log} cannot be written")
    return found


def _mounted(path: str, container: Container) -> bool:
    return any(below(path, target) for target in container.mounts)


def _baked(path: str, stage: Stage, dockerignore: str) -> bool:
    """Whether a model below `path` comes along when the image is built."""
    for source, target in stage.copied:
        if below(path, target):
            inside = PurePosixPath(source) / PurePosixPath(path).relative_to(target) / SAMPLE
            if in_context(str(inside), dockerignore):
                return True
    return False
