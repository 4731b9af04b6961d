"""The workflows: small, pinned, with least permissions, and nothing in them that a person could not type."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((REPOSITORY / ".github" / "workflows").glob("*.yml"))
ROLES = REPOSITORY / "infra" / "terraform" / "50-cicd" / "main.tf"
CREDENTIALS = "aws-actions/configure-aws-credentials"
LINES = 100

Json = dict[Any, Any]

each = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


def read(path: Path) -> Json:
    found: Json = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def jobs(path: Path) -> dict[str, Json]:
    found: dict[str, Json] = read(path)["jobs"]
    return found


def steps(path: Path) -> Iterator[Json]:
    for job in jobs(path).values():
        yield from job["steps"]


def uses(job: Json) -> set[str]:
    return {step["uses"].partition("@")[0] for step in job["steps"] if "uses" in step}


def triggers(path: Path) -> Json:
    # YAML 1.1 reads the key `on` as true
    found: Json = read(path)[True]
    return found


class Once(yaml.SafeLoader):
    """Refuses a key that stands twice in one mapping; YAML itself silently takes the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [key.value for key, _ in node.value]
        assert len(names) == len(set(names)), names
        return super().construct_mapping(node, deep)


@each
def test_a_key_stands_once(path: Path) -> None:
    assert yaml.load(path.read_text(encoding="utf-8"), Once)  # noqa: S506 - it is a SafeLoader


def test_there_are_the_four() -> None:
    assert [path.stem for path in WORKFLOWS] == ["ci", "deploy", "push-s3", "release-ecr"]


@each
def test_a_workflow_fits_on_two_screens(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LINES


def test_an_action_is_pinned_by_commit_and_everywhere_by_the_same() -> None:
    pins: dict[str, set[str]] = {}
    for path in WORKFLOWS:
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if "uses:" in line]
        for line in lines:
            found = re.search(r"uses: ([\w./-]+)@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)$", line)
            assert found, f"{path.name}: not pinned by commit, with its version beside it: {line.strip()}"
            pins.setdefault(found[1], set()).add(found[2])
    assert {action: len(commits) for action, commits in pins.items() if len(commits) > 1} == {}


@each
def test_a_job_says_its_permissions_and_has_a_token_only_to_take_a_role(path: Path) -> None:
    assert read(path)["permissions"] == {}
    for name, job in jobs(path).items():
        takes_a_role = CREDENTIALS in uses(job)
        expected = {"contents": "read"} | ({"id-token": "write"} if takes_a_role else {})
        assert job["permissions"] == expected, f"{path.name}, {name}"


@each
def test_a_job_ends_and_runs_on_a_named_image_with_a_shell_that_sees_failures(path: Path) -> None:
    assert read(path)["defaults"] == {"run": {"shell": "bash"}}
    assert "group" in read(path)["concurrency"]
    for job in jobs(path).values():
        assert job["timeout-minutes"] <= 120
        assert job["runs-on"] == "ubuntu-24.04"


@each
def test_a_checkout_leaves_no_credentials_behind(path: Path) -> None:
    checkouts = [step for step in steps(path) if step.get("uses", "").startswith("actions/checkout@")]
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


@each
def test_no_text_of_a_caller_gets_into_a_script(path: Path) -> None:
    # an expression in a script is code of whoever chose its value; in `env` it is text
    assert [
        step["run"] for step in steps(path) if "${{" in step.get("run", "") and "${{ matrix" not in step["run"]
    ] == []


@each
def test_every_make_target_is_one_that_a_person_has_too(path: Path) -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, flags=re.MULTILINE))
    called = {name for step in steps(path) for name in re.findall(r"\bmake ([a-z][a-z-]*)", step.get("run", ""))}
    assert called
    assert called <= targets


def test_what_is_released_comes_from_no_cache() -> None:
    for path in WORKFLOWS:
        if path.stem != "ci":
            assert "actions/cache" not in path.read_text(encoding="utf-8")
            assert all("cache" not in step.get("with", {}) for step in steps(path))


def test_the_key_that_signs_and_the_role_that_writes_never_meet_in_one_job() -> None:
    for path in WORKFLOWS:
        for job in jobs(path).values():
            assert not (CREDENTIALS in uses(job) and "secrets." in str(job))


def test_an_image_is_pushed_after_it_has_answered_and_keys_come_last() -> None:
    release = jobs(REPOSITORY / ".github" / "workflows" / "release-ecr.yml")["release"]
    done = [step.get("run", step.get("uses", "")) for step in release["steps"]]
    wanted = ("git merge-base", "make docker-build", "make docker-smoke", "make sbom", CREDENTIALS, "make docker-push")
    order = [next(i for i, step in enumerate(done) if step.startswith(begin)) for begin in wanted]
    assert order == sorted(order)


def subject(path: Path, job: Json) -> str:
    """What GitHub's token of this job says: an environment goes before the branch or the tag."""
    if "environment" in job:
        return f"environment:{job['environment']}".replace("${{ inputs.environment }}", "${var.environment}")
    on = triggers(path)
    return f"ref:refs/tags/{on['push']['tags'][0]}" if "push" in on else "ref:refs/heads/main"


@pytest.mark.skipif(not ROLES.exists(), reason="there is no layer 50-cicd")
def test_each_role_trusts_the_subject_that_its_workflow_really_has() -> None:
    text = ROLES.read_text(encoding="utf-8")
    trusted = dict(
        re.findall(r'^\s{4}([\w-]+) = \{\n.*\n\s+subject\s+= "\$\{local\.repo\}:(.+)"', text, flags=re.MULTILINE)
    )
    asked = {
        path.stem: subject(path, job) for path in WORKFLOWS for job in jobs(path).values() if CREDENTIALS in uses(job)
    }
    assert asked == trusted


@pytest.mark.parametrize(
    ("image", "project", "accepted"),
    [
        ("1.dkr.ecr.eu-west-1.amazonaws.com/tabi-dev-api@sha256:" + "a" * 64, "credit-g", True),
        ("tabi:latest", "adult", False),
        ("tabi@sha256:" + "a" * 63, "adult", False),
        ("tabi@sha256:" + "a" * 64 + "\nx", "adult", False),
        ("tabi@sha256:" + "a" * 64, "adult; id", False),
        ("tabi@sha256:" + "a" * 64, "../adult", False),
    ],
)
def test_a_deployment_wants_a_digest_and_a_name(image: str, project: str, accepted: bool) -> None:
    script = jobs(REPOSITORY / ".github" / "workflows" / "deploy.yml")["deploy"]["steps"][0]["run"]
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", script], env={"IMAGE_REF": image, "DS": project}, check=False
    )
    assert (done.returncode == 0) == accepted


def test_each_workflow_has_its_page() -> None:
    for path in WORKFLOWS:
        page = (REPOSITORY / "docs" / "ci" / f"{path.stem}.md").read_text(encoding="utf-8")
        assert [line for line in page.splitlines() if line.startswith("## ")] == [
            "## The boundary it guards",
            "## A failure, and its lasting cure",
            "## The shortest way to its evidence",
        ]
        assert page.splitlines()[0].startswith(f"# {path.name}")
