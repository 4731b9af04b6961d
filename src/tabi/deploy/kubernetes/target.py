"""Kubernetes as a target: another image in the Deployment's template, and its own rolling update."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import cached_property
from typing import Any

from tabi.deploy.images import require_reference
from tabi.deploy.kubernetes.kubectl import Kubectl
from tabi.deploy.kubernetes.place import Place
from tabi.deploy.kubernetes.state import Revision, image_of, is_seen, revisions, settled
from tabi.deploy.target import Applied, Kind, Plan, Tell
from tabi.errors import DeployError, NotFoundError

Json = dict[str, Any]
# until the controller has seen a new template
SEEN_S = 30.0
LOOK_S = 0.2
_SHOWN = 3


class KubernetesTarget:
    """One Deployment."""

    kind: Kind = "kubernetes"

    def __init__(self, place: Place) -> None:
        self.place = place

    @cached_property
    def _kubectl(self) -> Kubectl:
        return Kubectl(self.place)

    @property
    def _named(self) -> str:
        return f"deployment/{self.place.deployment}"

    def check(self, plan: Plan) -> None:
        """The image is named by digest; the Deployment is there, and has the container."""
        if plan.image:
            require_reference(plan.image)
        if not image_of(self._deployment(), self.place.container):
            raise NotFoundError(
                f"{self._named} has no container {self.place.container}: name the server's with TABI_KUBE_CONTAINER"
            )

    def current(self) -> Applied | None:
        """The revision whose pods answer, though a newer one may have been begun and not be complete."""
        deployment = self._deployment()
        found = settled(deployment, self._revisions(deployment))
        return None if found is None else self._applied(found)

    def apply(self, plan: Plan, tell: Tell) -> Applied:
        """Set the image; where nothing differs, pods are started anew."""
        anew = plan.image in {"", image_of(self._deployment(), self.place.container)}
        if anew:
            self._kubectl.run(f"restart {self._named}", "rollout", "restart", self._named)
            tell("nothing differs: pods are started anew")
        else:
            image = f"{self.place.container}={plan.image}"
            self._kubectl.run(f"set the image of {self._named}", "set", "image", self._named, image)
        newest = self._seen()
        tell(f"{newest.name} is revision {newest.number}")
        return replace(self._applied(newest), anew=anew)

    def wait(self, applied: Applied, tell: Tell) -> None:
        """Until the rollout is complete; `DeployError` with what the cluster says if it is not in time."""
        said = self._kubectl.follow(self.place.limit_s, tell, "rollout", "status", self._named)
        if said is not None:
            raise DeployError(f"{applied.revision} did not get ready: {said}{self._warnings(applied.revision)}")

    def keep(self, applied: Applied, tell: Tell) -> None:
        """The pods before have ended; their ReplicaSet stays, for a rollback, as `revisionHistoryLimit` says."""

    def earlier(self) -> str:
        """The revision before the one of now that the cluster still keeps."""
        deployment = self._deployment()
        found = self._revisions(deployment)
        now = settled(deployment, found)
        return next((each.name for each in found if now is not None and each.number < now.number), "")

    def unfinished(self) -> str:
        """The newest revision, while its rollout is not complete and pods of another one answer."""
        deployment = self._deployment()
        found = self._revisions(deployment)
        now = settled(deployment, found)
        return found[0].name if now is not None and found[0].name != now.name else ""

    def back(self, revision: str, tell: Tell) -> Applied | None:
        """The template of an earlier revision again, and its rollout."""
        if not revision:
            raise DeployError(f"{self._named} is not ended from here: kubectl scale {self._named} --replicas=0")
        found = next((each for each in self._revisions(self._deployment()) if each.name == revision), None)
        if found is None:
            raise NotFoundError(
                f"{revision} is no more: the cluster keeps as many as revisionHistoryLimit of {self._named} says"
            )
        number = f"--to-revision={found.number}"
        self._kubectl.run(f"return to {revision}", "rollout", "undo", self._named, number)
        tell(f"back to {revision}")
        self._seen()
        self.wait(self._applied(found), tell)
        return self._applied(found)

    def _deployment(self) -> Json:
        return self._kubectl.get("deployment", self.place.deployment)

    def _revisions(self, deployment: Json) -> list[Revision]:
        labels = deployment["spec"]["selector"].get("matchLabels", {})
        selector = ",".join(f"{name}={value}" for name, value in sorted(labels.items()))
        return revisions(deployment, self._kubectl.get("replicasets", "--selector", selector), self.place.container)

    def _seen(self) -> Revision:
        """The newest revision, once the controller has made it of the newest template."""
        end = time.monotonic() + SEEN_S
        while True:
            deployment = self._deployment()
            found = self._revisions(deployment)
            if found and is_seen(deployment):
                return found[0]
            if time.monotonic() > end:
                raise DeployError(f"the cluster's controller has not looked at {self._named} for {SEEN_S:.0f} s")
            time.sleep(LOOK_S)

    def _warnings(self, revision: str) -> str:
        """The last warnings about the pods of a revision."""
        events = self._kubectl.get(
            "events", "--field-selector", "type=Warning", "--sort-by=.metadata.creationTimestamp"
        )
        ours = [each for each in events["items"] if each["involvedObject"]["name"].startswith(revision)]
        said = [" ".join(f"{each['reason']}: {each['message']}".split()) for each in ours[-_SHOWN:]]
        return f"; the cluster says: {' | '.join(said)}" if said else ""

    def _applied(self, revision: Revision) -> Applied:
        return Applied(revision.name, revision.image, self.place.url)
