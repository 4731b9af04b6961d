from __future__ import annotations

import pytest

from tabi.deploy.subject import require_digest, subject_of
from tabi.errors import BundleError, ConfigError, ConflictError, NotFoundError, SignatureError
from tabi.evidence import now
from tabi.policy import Assigned, Single
from tabi.registry.room import Room
from tabi.registry.versions import Version, add, judge
from tabi.workspace import Workspace
from tests.registry.governed import CONFIG, NAME, bundle_in_store

DIGEST = "sha256:" + "a" * 64


@pytest.fixture
def shop(room: Room) -> Workspace:
    """A project of three candidates, without a tracking server."""
    (room.workspace.projects / NAME).mkdir(parents=True)
    (room.workspace.projects / NAME / "config.yaml").write_text(CONFIG)
    with room.database.writing() as connection:
        for number in (1, 2, 3):
            bundle = bundle_in_store(room, "run", number).id
            add(connection, Version(NAME, number, bundle, "run", "2" * 64, "candidate", "{}", "tom", "ann", now()))
    return room.workspace


@pytest.mark.parametrize("image", [DIGEST, f"tabi@{DIGEST}", f"localhost:5000/team/tabi@{DIGEST}", ""])
def test_an_image_by_digest_or_id_means_one(image: str) -> None:
    assert require_digest(image) == image


@pytest.mark.parametrize(
    "image",
    ["tabi", "tabi:latest", f"tabi:1@{DIGEST[:-1]}", "sha256:abc", f"{DIGEST}\n", f"--privileged@{DIGEST}", "@"],
)
def test_an_image_that_can_be_moved_is_refused(image: str) -> None:
    with pytest.raises(ConfigError, match="name it REPOSITORY@sha256:"):
        require_digest(image)


def test_the_champion_is_deployed_unless_a_number_is_named(shop: Workspace) -> None:
    room = Room.open(shop)
    with pytest.raises(NotFoundError, match="adult has no champion: promote a version, or name one with --version"):
        subject_of(room, NAME, None)
    assert (subject_of(room, NAME, 2).number, subject_of(room, NAME, 2).moves) == (2, True)
    first = room.versions(NAME)[0].bundle
    room.store.set_policy(Single(name=NAME, champion=Assigned(1, first)), None)
    champion = subject_of(room, NAME, None)
    assert (champion.number, champion.moves, champion.policy) == (1, False, 1)
    assert subject_of(room, NAME, 2).moves


def test_what_is_rejected_broken_or_not_trusted_is_not_deployed(
    shop: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = Room.open(shop)
    with room.database.writing() as connection:
        judge(connection, room.versions(NAME)[1], "rejected", "ann", now(), "it leaks the target")
    with pytest.raises(ConflictError, match="adult:2 was rejected"):
        subject_of(room, NAME, 2)
    (room.store.open_path(NAME, room.versions(NAME)[2].bundle) / "model.onnx").write_bytes(b"another")
    with pytest.raises(BundleError, match=r"model\.onnx"):
        subject_of(room, NAME, 3)
    key = shop.root / "key.pem"
    key.write_text(PUBLIC_KEY)
    monkeypatch.setenv("TABI_VERIFY_KEY", str(key))
    with pytest.raises(SignatureError, match="is missing"):
        subject_of(room, NAME, 1)


def test_where_the_project_asks_for_approval_nothing_else_is_deployed(shop: Workspace) -> None:
    config = shop.projects / NAME / "config.yaml"
    config.write_text(config.read_text() + "approval: {required: true}\n")
    with pytest.raises(ConflictError, match="is not approved"):
        subject_of(Room.open(shop), NAME, 1)


# of nobody: its private half was never kept
PUBLIC_KEY = """-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEXzIlsfB78lt3f1G+gTEUYDvqyB5d
zdrqi6raKRawrcLALjgIF+2XhfzxsrgWamEnV5jyfi5MdnkQOcMcHrHGdg==
-----END PUBLIC KEY-----
"""
