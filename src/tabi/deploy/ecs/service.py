"""The calls of ECS that a deployment makes, on one service, each by the right that the role has for it."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from tabi.deploy.ecs.calls import asking, client
from tabi.deploy.ecs.place import Place
from tabi.deploy.ecs.revision import InRegistry, short
from tabi.errors import DeployError, NotFoundError

Json = dict[str, Any]
# service revisions that one call describes at most
_AT_ONCE = 20


class Service:
    """One service of ECS."""

    def __init__(self, place: Place) -> None:
        self.place = place

    @cached_property
    def _ecs(self) -> Any:
        return client("ecs")

    @property
    def _names(self) -> Json:
        return {"cluster": self.place.cluster, "service": self.place.service}

    def describe(self) -> Json:
        """The service as it is now. `NotFoundError` if there is none."""
        where = f"the service {self.place.service} of the cluster {self.place.cluster}"
        with asking(f"describe {where}"):
            try:
                found = self._ecs.describe_services(cluster=self.place.cluster, services=[self.place.service])[
                    "services"
                ]
            except self._ecs.exceptions.ClusterNotFoundException:
                found = []
        if not found or found[0]["status"] != "ACTIVE":
            raise NotFoundError(f"{where} is not there: apply 30-ecs-alb-mlops, or check AWS_REGION")
        service: Json = found[0]
        if service.get("deploymentController", {}).get("type", "ECS") != "ECS":
            raise DeployError(f"{where} is deployed by another controller than ECS itself: deploy with that one")
        return service

    def definition(self, revision: str) -> tuple[Json, list[Json]]:
        """A revision of a task definition, and its tags."""
        with asking(f"describe the revision {short(revision)}"):
            told = self._ecs.describe_task_definition(taskDefinition=revision, include=["TAGS"])
        return told["taskDefinition"], told.get("tags", [])

    @cached_property
    def fields(self) -> frozenset[str]:
        """What a registration takes, by boto3's own description of it."""
        shape = self._ecs.meta.service_model.operation_model("RegisterTaskDefinition").input_shape
        return frozenset(shape.members)

    def register(self, definition: Json, tags: list[Json]) -> str:
        """The ARN of a new revision."""
        with asking(f"register a revision of {definition['family']}"):
            told = self._ecs.register_task_definition(**definition, **({"tags": tags} if tags else {}))
        return str(told["taskDefinition"]["taskDefinitionArn"])

    def update(self, revision: str, *, force: bool = False) -> Json:
        """Begin a deployment of a revision; the service as it is then."""
        with asking(f"update the service {self.place.service}"):
            told = self._ecs.update_service(**self._names, taskDefinition=revision, forceNewDeployment=force)
        service: Json = told["service"]
        return service

    def completed(self) -> list[str]:
        """Revisions of the task definition that this service ran, newest first, by ECS's own history of 90 days."""
        with asking(f"list the deployments of {self.place.service}"):
            told = self._ecs.list_service_deployments(**self._names, status=["SUCCESSFUL"], maxResults=_AT_ONCE)
            listed = sorted(told["serviceDeployments"], key=lambda one: one["createdAt"], reverse=True)
            wanted = [one["targetServiceRevisionArn"] for one in listed]
            if not wanted:
                return []
            found = self._ecs.describe_service_revisions(serviceRevisionArns=sorted(set(wanted)))["serviceRevisions"]
        definitions = {one["serviceRevisionArn"]: one["taskDefinition"] for one in found}
        return [definitions[arn] for arn in wanted if arn in definitions]

    def require_image(self, image: InRegistry) -> None:
        """`NotFoundError` if the registry of the account has no image of this digest."""
        registry = client("ecr")
        with asking(f"look for the image in {image.name}"):
            try:
                registry.describe_images(
                    registryId=image.account, repositoryName=image.name, imageIds=[{"imageDigest": image.digest}]
                )
            except (registry.exceptions.ImageNotFoundException, registry.exceptions.RepositoryNotFoundException):
                raise NotFoundError(
                    f"{image.name} has no image of digest {image.digest[:19]}…: push it, and take the digest that "
                    "build/image.txt then has"
                ) from None
