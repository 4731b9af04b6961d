"""AWS on this machine: moto as a server, a bucket for states in it, and what is left there after a destroy."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import boto3

ACCOUNT = "123456789012"
REGION = "ap-northeast-1"
STATES = "tabi-terraform-states"


@dataclass(frozen=True)
class Emulator:
    """A running server."""

    address: str

    @property
    def environ(self) -> dict[str, str]:
        """Variables that lead every client here, and nowhere else."""
        return {
            "AWS_ENDPOINT_URL": self.address,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_SESSION_TOKEN": "",
            "AWS_PROFILE": "",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def client(self, service: str) -> Any:
        """A boto3 client."""
        return boto3.client(
            service,
            endpoint_url=self.address,
            region_name=REGION,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",  # noqa: S106 - moto's
        )

    def backend(self, key: str) -> str:
        """A file for -backend-config: the state in S3, with S3's own lock."""
        return (
            f'bucket = "{STATES}"\nkey = "{key}"\nregion = "{REGION}"\nuse_lockfile = true\nuse_path_style = true\n'
            "skip_credentials_validation = true\nskip_requesting_account_id = true\nskip_metadata_api_check = true\n"
            f'endpoints = {{ s3 = "{self.address}", sts = "{self.address}", iam = "{self.address}" }}\n'
        )

    def left(self) -> dict[str, int]:
        """How many resources there are of each kind that the layers make and AWS would charge for or obey."""
        ec2, own = self.client("ec2"), [{"Name": "isDefault", "Values": ["false"]}]
        return {
            "VPCs": len(ec2.describe_vpcs(Filters=own)["Vpcs"]),
            "endpoints": len([e for e in ec2.describe_vpc_endpoints()["VpcEndpoints"] if e["State"] != "deleted"]),
            "buckets": len([b for b in self.client("s3").list_buckets()["Buckets"] if b["Name"] != STATES]),
            "repositories": len(self.client("ecr").describe_repositories()["repositories"]),
            "clusters": len([c for c in self._clusters() if c["status"] == "ACTIVE"]),
            "load balancers": len(self.client("elbv2").describe_load_balancers()["LoadBalancers"]),
            "roles": len(self.client("iam").list_roles()["Roles"]),
            "identity providers": len(self.client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"]),
            "alarms": len(self.client("cloudwatch").describe_alarms()["MetricAlarms"]),
            "rules": len(self.client("events").list_rules()["Rules"]),
            "topics": len(self.client("sns").list_topics()["Topics"]),
            "log groups": len(self.client("logs").describe_log_groups()["logGroups"]),
            "parameters": len(self.client("ssm").describe_parameters()["Parameters"]),
        }

    def _clusters(self) -> list[Any]:
        # AWS too remembers a removed cluster for a while
        ecs = self.client("ecs")
        found: list[Any] = ecs.describe_clusters(clusters=ecs.list_clusters()["clusterArns"] or ["none"])["clusters"]
        return found


@contextmanager
def emulator() -> Iterator[Emulator]:
    """The server, while it runs, on a free port."""
    # read once, when the module is imported
    os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"
    from moto.server import ThreadedMotoServer  # noqa: PLC0415

    # one line a request is too many
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    found = Emulator(f"http://{host}:{port}")
    try:
        found.client("s3").create_bucket(Bucket=STATES, CreateBucketConfiguration={"LocationConstraint": REGION})
        yield found
    finally:
        server.stop()
