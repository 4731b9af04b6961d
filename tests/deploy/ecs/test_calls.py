"""Refusals of AWS, over real connections, by boto3 itself: each is one line that says what to do."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tabi.deploy.ecs.calls import PassingError, asking, client
from tabi.deploy.ecs.place import Place, find_place
from tabi.deploy.ecs.service import Service
from tabi.errors import ConfigError, DeployError, NotFoundError

PLACE = Place("tabi-dev", "tabi-dev-api", "http://balancer")


class Account(ThreadingHTTPServer):
    """Answers each call with the next answer, and then always with the last. It notes what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answering)
        self.answers: list[tuple[int, Any]] = []
        self.asked: list[tuple[str, Any]] = []


class _Answering(BaseHTTPRequestHandler):
    server: Account

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.headers["X-Amz-Target"].rpartition(".")[2], body))
        answers = self.server.answers
        status, answer = answers.pop(0) if len(answers) > 1 else answers[0]
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    server = Account()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    variables = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
        "AWS_REGION": "eu-west-1",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_CONFIG_FILE": "/dev/null",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


REFUSALS = {
    "ThrottlingException": ("wait a minute and run the same command again", True),
    "ServerException": ("a fault of its own", True),
    "ExpiredTokenException": ("renew them", False),
    "UnrecognizedClientException": ("renew them", False),
    "AccessDeniedException": ("infra/terraform/50-cicd/policies/deploy.json", False),
    "InvalidParameterException": ("AWS refused with InvalidParameterException: not that", False),
}


def test_a_refusal_is_one_line_of_what_to_do(account: Account) -> None:
    service = Service(PLACE)
    for code, (told, passing) in REFUSALS.items():
        account.answers = [(400, {"__type": code, "message": "not\nthat"})]
        with pytest.raises(DeployError) as caught:
            service.update("tabi-dev-api:7")
        assert told in str(caught.value)
        assert "update the service tabi-dev-api" in str(caught.value)
        assert "\n" not in str(caught.value)
        assert isinstance(caught.value, PassingError) == passing, code


def test_a_service_that_is_not_there_is_told_by_name(account: Account) -> None:
    service = Service(PLACE)
    for answer in (
        (200, {"services": [], "failures": [{"reason": "MISSING"}]}),
        (200, {"services": [{"status": "INACTIVE"}]}),
        (400, {"__type": "ClusterNotFoundException"}),
    ):
        account.answers = [answer]
        with pytest.raises(NotFoundError, match="tabi-dev-api of the cluster tabi-dev is not there"):
            service.describe()


def test_a_service_of_another_controller_is_left_alone(account: Account) -> None:
    account.answers = [(200, {"services": [{"status": "ACTIVE", "deploymentController": {"type": "CODE_DEPLOY"}}]})]
    with pytest.raises(DeployError, match="another controller"):
        Service(PLACE).describe()


def test_nobody_listens(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(PassingError, match="AWS does not answer"):
        Service(PLACE).describe()


def test_without_a_region_or_credentials_the_variable_is_named(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    with pytest.raises(DeployError, match="AWS_ACCESS_KEY_ID"):
        Service(PLACE).describe()
    monkeypatch.delenv("AWS_REGION")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(ConfigError, match="AWS_REGION"):
        client("ecs")


def test_the_place_is_what_terraform_has_handed_over(account: Account) -> None:
    handed = {"cluster": "c", "service": "s", "url": "http://u", "log_group": "/tabi/dev/api", "target_group": "t"}
    pages = [{"Parameters": [{"Name": f"/tabi/dev/service/{key}", "Value": value}]} for key, value in handed.items()]
    account.answers = [(200, {**page, "NextToken": str(n)}) for n, page in enumerate(pages[:-1])] + [(200, pages[-1])]
    assert find_place("dev", {}) == Place("c", "s", "http://u", "/tabi/dev/api")
    assert account.asked[0] == ("GetParametersByPath", {"Path": "/tabi/dev/service"})


def test_variables_go_over_parameters_and_what_neither_says_is_named(account: Account) -> None:
    account.answers = [(200, {"Parameters": []})]
    own = {"TABI_ECS_CLUSTER": "c", "TABI_ECS_SERVICE": "s", "TABI_ECS_URL": "http://u"}
    assert find_place("dev", own) == Place("c", "s", "http://u")
    assert account.asked == []
    with pytest.raises(NotFoundError, match=r"the url of dev below /harbour/dev/service.*TABI_ECS_URL"):
        find_place("dev", {**own, "TABI_ECS_URL": "", "TABI_ECS_PARAMETERS": "/harbour/dev/service"})
    with pytest.raises(ConfigError, match="TABI_ECS_PARAMETERS"):
        find_place("dev", {"TABI_ECS_PARAMETERS": "harbour"})


def test_what_ran_is_told_newest_first_by_ecs_itself(account: Account) -> None:
    listed = [{"createdAt": at, "targetServiceRevisionArn": f"r{at}", "status": "SUCCESSFUL"} for at in (1, 3, 2)]
    described = [{"serviceRevisionArn": f"r{at}", "taskDefinition": f"d{at}"} for at in (3, 1)]
    account.answers = [(200, {"serviceDeployments": listed}), (200, {"serviceRevisions": described})]
    service = Service(PLACE)
    assert service.completed() == ["d3", "d1"]
    account.answers = [(200, {"serviceDeployments": []})]
    assert service.completed() == []


def test_credentials_that_no_file_of_aws_has_are_a_wrong_setting(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(ConfigError, match="AWS_PROFILE"):
        client("ecs")


def test_what_is_no_error_of_aws_passes_as_it_is() -> None:
    with pytest.raises(ZeroDivisionError), asking("divide"):
        1 / 0  # noqa: B018
