"""What is deployed: a version whose bundle is whole, approved and trusted, and an image that is named by its digest."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tabi.bundle import Bundle
from tabi.bundle.trust import Trust
from tabi.errors import ConfigError, NotFoundError
from tabi.registry.approval import require_approved, rules_of
from tabi.registry.room import Room
from tabi.registry.versions import Version, version_of, version_with

_BY_DIGEST = re.compile(r"(?:[a-z0-9][a-z0-9._/:-]*@)?sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Subject:
    """A bundle to deploy. `version`: None where the state database does not know it, as on a machine that only deploys.

    `champion`: what answers now by the policy. `policy`: that one's revision, 0 before the first.
    """

    name: str
    version: Version | None
    bundle: Bundle
    champion: int | None
    policy: int

    @property
    def number(self) -> int | None:
        """The version's number."""
        return None if self.version is None else self.version.version

    @property
    def moves(self) -> bool:
        """Whether the policy has to change, so that this is what answers."""
        return self.version is not None and self.version.version != self.champion


def subject_of(room: Room, name: str, number: int | None) -> Subject:
    """The version of a number, by default the champion.

    `NotFoundError` if there is none, `ConflictError` if it is not approved where the project requires it, `BundleError`
    if it is not whole, `SignatureError` if it is not trusted here.
    """
    stored = room.store.policy(name)
    with room.database.reading() as connection:
        if number is not None:
            version: Version | None = version_of(connection, name, number)
            identity = version.bundle if version else ""
        else:
            pointer = room.store.latest(name) if stored is None else None
            if stored is None and pointer is None:
                raise NotFoundError(f"{name} has no champion: promote a version, or name one with --version")
            identity = stored.policy.champion.bundle if stored else pointer.id if pointer else ""
            version = version_with(connection, name, identity)
    if version is not None and (room.workspace.projects / name).is_dir():
        require_approved(rules_of(room.workspace, name), version)
    bundle = Bundle.open(room.store.open_path(name, identity), Trust.from_environment())
    champion = stored.policy.champion.version if stored else None
    return Subject(name, version, bundle, champion, stored.policy.revision if stored else 0)


def require_digest(image: str) -> str:
    """The image, if it can mean only one: by digest, or by its id. `ConfigError` for a tag, which moves."""
    if image and not _BY_DIGEST.fullmatch(image):
        raise ConfigError(
            f"--image {image[:120]!r} can be moved: name it REPOSITORY@sha256:…, or by its id as `docker images` has it"
        )
    return image
