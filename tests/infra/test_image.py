"""The images and what configures a container of them: no model is forgotten, no tag moves, nobody is root."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.infra.recipe import Container, Stage, built, in_context, instructions, missing

REPOSITORY = Path(__file__).resolve().parents[2]
KUBERNETES = REPOSITORY / "infra" / "kubernetes"
COMPOSE = sorted((REPOSITORY / "infra" / "compose").glob("compose*.yaml"))
DOCKERFILES = [REPOSITORY / "Dockerfile", REPOSITORY / "Dockerfile.train"]
DOCKERFILE, DOCKERIGNORE, COMPOSE_TEXT = (
    (REPOSITORY / name).read_text(encoding="utf-8") for name in ("Dockerfile", ".dockerignore", COMPOSE[0])
)
SERVER = "TABI_IMAGE"

Json = dict[str, Any]
each_dockerfile = pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)


# --- every model path is in the image or mounted ---------------------------------------------------------------------


def of_compose(text: str) -> list[Container]:
    """Every service that runs the server of the server's image."""
    services = yaml.safe_load(text)["services"].values()
    found = []
    for service in services:
        if f"${{{SERVER}:" in service["image"] and "entrypoint" not in service:
            mounts = dict(map(compose_mount, service.get("volumes", [])))
            mounts |= {line.partition(":")[0]: True for line in service.get("tmpfs", [])}
            found.append(Container(service.get("environment", {}), mounts))
    return found


def compose_mount(volume: Any) -> tuple[str, bool]:
    if isinstance(volume, dict):
        return volume["target"], not volume.get("read_only", False)
    _, target, *mode = volume.split(":")
    return target, "ro" not in mode


def of_pod(container: Json) -> Container:
    environment = {each["name"]: each["value"] for each in container.get("env", []) if "value" in each}
    mounts = {each["mountPath"]: not each.get("readOnly", False) for each in container.get("volumeMounts", [])}
    return Container(environment, mounts)


def of_kubernetes() -> dict[str, Container]:
    """The base, each overlay's patch over it, and KServe's."""

    def container(path: Path) -> Json:
        spec = yaml.safe_load(path.read_text(encoding="utf-8"))["spec"]
        found: Json = (spec.get("predictor") or spec["template"]["spec"])["containers"][0]
        return found

    base = of_pod(container(KUBERNETES / "base" / "deployment.yaml"))
    found = {"base": base, "kserve": of_pod(container(KUBERNETES / "kserve" / "inferenceservice.yaml"))}
    for path in (KUBERNETES / "overlays").rglob("*.yaml"):
        if yaml.safe_load(path.read_text(encoding="utf-8")).get("kind") == "Deployment":
            patch = of_pod(container(path))
            found[f"{path.parent.name}/{path.name}"] = Container(
                base.environment | patch.environment, base.mounts | patch.mounts
            )
    return found


def of_make(text: str) -> list[Container]:
    """Every `docker run` of the Makefile."""
    joined = re.sub(r"\\\n", " ", text)
    lines = [shlex.split(line.replace("$(", "(").strip("\t@-")) for line in joined.splitlines() if "docker run" in line]
    volumes = [[words[at + 1] for at, word in enumerate(words) if word == "--volume"] for words in lines]
    return [Container({}, dict(map(compose_mount, each))) for each in volumes]


@pytest.mark.parametrize("path", COMPOSE, ids=lambda path: path.name)
def test_in_compose_every_model_path_is_in_the_image_or_mounted(path: Path) -> None:
    containers = of_compose(path.read_text(encoding="utf-8"))
    assert containers
    assert [missing(each, DOCKERFILE, DOCKERIGNORE) for each in containers] == [[]] * len(containers)


def test_in_kubernetes_every_model_path_is_in_the_image_or_mounted() -> None:
    found = of_kubernetes()
    assert {"base", "kserve", "prod/s3.yaml"} <= set(found)
    assert {
        name: problems for name, each in found.items() if (problems := missing(each, DOCKERFILE, DOCKERIGNORE))
    } == {}


def test_what_make_runs_has_its_models_mounted() -> None:
    containers = of_make((REPOSITORY / "Makefile").read_text(encoding="utf-8"))
    assert containers
    assert [missing(each, DOCKERFILE, DOCKERIGNORE) for each in containers] == [[]] * len(containers)


def test_on_ecs_what_is_fetched_has_a_place_that_can_be_written() -> None:
    text = (REPOSITORY / "infra" / "terraform" / "30-ecs-alb-mlops" / "service.tf").read_text(encoding="utf-8")
    environment = dict(re.findall(r'^\s+(TABI_[A-Z]+)\s+= "([^"]+)"$', text, flags=re.MULTILINE))
    writable = re.search(r"writable = \{(.+)\}", text)
    assert writable
    mounts = dict.fromkeys(re.findall(r'= "([^"]+)"', writable[1]), True)
    assert environment["TABI_STORE"].startswith("s3://")
    assert missing(Container(environment, mounts), DOCKERFILE, DOCKERIGNORE) == []
    elsewhere = environment | {"TABI_CACHE": "/var/models"}
    assert missing(Container(elsewhere, mounts), DOCKERFILE, DOCKERIGNORE) == [
        "TABI_CACHE /var/models cannot be written"
    ]


def test_an_image_with_baked_models_needs_no_volume() -> None:
    assert missing(Container({}, {}), DOCKERFILE, DOCKERIGNORE, "baked") == []


def without_volume(text: str) -> str:
    return re.sub(r"\n +- \{type: bind, source: [^\n]+", "", text)


def test_the_incident_is_found() -> None:
    """The artifacts were left out of the image by .dockerignore, and no volume was mounted: each repaired the other."""
    (unmounted,) = of_compose(without_volume(COMPOSE_TEXT))
    lost = ["TABI_STORE /app/store is neither mounted nor in the image"]
    assert missing(unmounted, DOCKERFILE, DOCKERIGNORE) == lost
    assert missing(unmounted, DOCKERFILE, DOCKERIGNORE, "baked") == []
    left_out = DOCKERIGNORE.replace("!store/models\n", "")
    assert left_out != DOCKERIGNORE
    assert missing(unmounted, DOCKERFILE, left_out, "baked") == lost
    (mounted,) = of_compose(COMPOSE_TEXT)
    assert missing(mounted, DOCKERFILE, left_out) == []


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("target: /app/store,", "target: /app/artifacts,", "TABI_STORE /app/store"),
        ("TABI_STORE: /app/store", "TABI_STORE: /app/models", "TABI_STORE /app/models"),
        ("TABI_STORE: /app/store", "TABI_STORE: /app/models\n      TABI_PREDICTIONS: /app/log", "TABI_PREDICTIONS"),
        ("TABI_STORE: /app/store", "TABI_STORE: s3://models\n      TABI_CACHE: /app/cache", "TABI_CACHE /app/cache"),
    ],
)
def test_a_path_that_nothing_is_mounted_at_is_found(old: str, new: str, word: str) -> None:
    assert old in COMPOSE_TEXT
    (container,) = of_compose(COMPOSE_TEXT.replace(old, new))
    assert any(word in problem for problem in missing(container, DOCKERFILE, DOCKERIGNORE))


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("store/models/adult/latest/manifest.json", True),
        ("src/tabi/__init__.py", True),
        ("src/tabi/__pycache__/x.pyc", False),
        ("store/data/adult/manifest.json", False),
        ("store/modelsets/x", False),
        (".git/config", False),
        ("infra/compose/secrets/postgres_password", False),
        ("data_cache/x", False),
        ("tests/conftest.py", False),
    ],
)
def test_the_context_is_what_is_named(path: str, seen: bool) -> None:
    assert in_context(path, DOCKERIGNORE) is seen


@each_dockerfile
def test_what_is_copied_from_the_context_is_in_it(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    every = Stage("", instructions(text)).copied
    assert every
    for source, _ in every:
        for lock in ("image", "serve"):
            inside = source.replace("${LOCK}", lock)
            sample = f"{inside}/x" if (REPOSITORY / inside).is_dir() or inside.startswith("store") else inside
            assert in_context(sample, DOCKERIGNORE), source


# --- what an image is ------------------------------------------------------------------------------------------------


@each_dockerfile
def test_an_image_is_nobody_s_with_a_command_that_gets_its_signals(path: Path) -> None:
    stage = built(path.read_text(encoding="utf-8"))
    # a number: an orchestrator can tell that it is not root
    assert re.fullmatch(r"[1-9]\d{4,}:[1-9]\d{4,}", stage.all("USER")[-1])
    assert json.loads(stage.all("ENTRYPOINT")[-1]) == ["python", "-m", "tabi"]
    assert all(isinstance(json.loads(line), list) for line in stage.all("CMD"))
    assert stage.all("STOPSIGNAL") == ["SIGTERM"]
    labels = set(re.findall(r"(org\.opencontainers\.image\.\w+)=", " ".join(stage.all("LABEL"))))
    assert {f"org.opencontainers.image.{name}" for name in ("title", "description", "licenses", "revision")} <= labels


def test_the_server_s_health_is_asked_without_a_shell_or_curl() -> None:
    (line,) = built(DOCKERFILE).all("HEALTHCHECK")
    command = json.loads(line.partition(" CMD ")[2])
    assert command[:2] == ["python", "-c"]
    assert "/healthz" in command[2]
    compile(command[2], "HEALTHCHECK", "exec")


@each_dockerfile
def test_no_line_needs_another_image_to_be_read_and_packages_come_by_hash(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    # a front end named by `# syntax=` is fetched by a tag that moves
    assert not re.search(r"^#\s*syntax\s*=", text, flags=re.MULTILINE)
    runs = [rest for word, rest in instructions(text) if word == "RUN"]
    installs = [command for line in runs for command in line.split("&&") if "pip install" in command]
    assert installs
    # what comes from nowhere but the context needs no hash
    assert all("--require-hashes" in command or "--no-index --no-deps" in command for command in installs)
    assert not any(word == "ADD" for word, _ in instructions(text))


def test_the_server_s_image_has_nothing_of_the_training() -> None:
    for lock in ("image", "serve"):
        text = (REPOSITORY / "locks" / f"{lock}.txt").read_text(encoding="utf-8")
        packages = set(re.findall(r"^([a-z0-9-]+)==", text, flags=re.MULTILINE))
        assert "onnxruntime" in packages
        assert packages.isdisjoint({"scikit-learn", "pandas", "mlflow", "mlflow-skinny", "scipy", "onnx", "skl2onnx"})


# --- no name that moves ----------------------------------------------------------------------------------------------

DELIVERED = [
    *DOCKERFILES,
    REPOSITORY / "Makefile",
    *(
        path
        for folder in ("infra", ".github", "scripts", "deploy", "loadtest")
        for path in sorted((REPOSITORY / folder).rglob("*"))
        if path.is_file()
        and path.suffix in {".yaml", ".yml", ".tf", ".tfvars", ".tpl", ".py", ".json", ".sh", ".hcl"}
        # Terraform's own tests name what must be refused
        and not path.name.endswith(".tftest.hcl")
    ),
]
# an image's tag or a runner's; `adult@latest` is a model
MOVING = re.compile(r"[\w/}\"](?::|-)latest\b(?!/)|newTag:|image_tag\b(?!_mutability)")
EXACT = re.compile(r"[a-z0-9./_-]+:v?\d+\.\d+(?:\.\d+)?(?:-[a-z0-9.]+)?|\S+@sha256:[0-9a-f]{64}")


def test_no_image_is_named_by_a_tag_that_moves() -> None:
    found = [
        f"{path.relative_to(REPOSITORY)}:{number}: {line.strip()}"
        for path in DELIVERED
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if MOVING.search(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("line", "moving"),
    [
        ("image: tabi:latest", True),
        ('image: "${REGISTRY}:latest"', True),
        ("runs-on: ubuntu-latest", True),
        ("tabi serve adult@latest", False),
        ("s3://bucket/models/adult/latest/manifest.json", False),
        ('image_tag_mutability = "IMMUTABLE"', False),
    ],
)
def test_a_moving_tag_is_told_from_a_model_s_alias(line: str, moving: bool) -> None:
    assert bool(MOVING.search(line)) is moving


@each_dockerfile
def test_the_base_has_a_version(path: Path) -> None:
    assert EXACT.fullmatch(built(path.read_text(encoding="utf-8")).base)


@pytest.mark.parametrize("path", COMPOSE, ids=lambda path: path.name)
def test_in_compose_our_images_come_by_reference_and_those_of_others_by_exact_version(path: Path) -> None:
    images = [service["image"] for service in yaml.safe_load(path.read_text(encoding="utf-8"))["services"].values()]
    # no default: whoever starts it says which one
    ours = [image for image in images if image.startswith("${")]
    assert all(re.fullmatch(r"\$\{TABI_\w+:\?[^}]+\}", image) for image in ours)
    assert ours
    for image in set(images) - set(ours):
        assert EXACT.fullmatch(image), image
