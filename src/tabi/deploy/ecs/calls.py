"""Calls of AWS: clients that repeat what may be repeated, and errors as one line that says what to do.

Address, region and credentials are those of AWS's own variables, files and roles.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tabi.errors import ConfigError, DeployError

_EXPIRED = frozenset(
    {
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
_THROTTLED = frozenset(
    {
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "Throttling",
        "ThrottledException",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
# AWS's own trouble, which passes
_BUSY = frozenset({"InternalError", "InternalFailure", "ServerException", "ServiceUnavailable"})
_POLICY = "infra/terraform/50-cicd/policies/deploy.json"
_SHOWN = 300


def client(service: str) -> Any:
    """A client of boto3. It repeats a request as AWS_MAX_ATTEMPTS says, and waits longer each time."""
    try:
        from boto3.session import Session
        from botocore.config import Config
        from botocore.exceptions import NoRegionError, ProfileNotFound
    except ModuleNotFoundError as error:
        raise ConfigError("a deployment to ECS needs boto3: pip install 'tabi[s3]'") from error
    settings = Config(retries={"mode": "standard"}, connect_timeout=5, read_timeout=20)
    try:
        return Session().client(service, config=settings)
    except NoRegionError:
        raise ConfigError("AWS has many regions: name yours with AWS_REGION") from None
    except ProfileNotFound:
        raise ConfigError("the profile that AWS_PROFILE names is in none of AWS's files: name another one") from None


class PassingError(DeployError):
    """AWS is busy or out of reach: what was asked for may be asked again."""


@contextmanager
def asking(what: str) -> Iterator[None]:
    """What goes wrong inside, as one line. `what` is a verb with its object: `describe the service`."""
    from botocore import exceptions as aws

    try:
        yield
    except (aws.NoCredentialsError, aws.PartialCredentialsError, aws.CredentialRetrievalError):
        raise DeployError(
            f"cannot {what}: there are no AWS credentials; set AWS_PROFILE or AWS_ACCESS_KEY_ID, or run aws sso login"
        ) from None
    except (aws.SSOError, aws.TokenRetrievalError):
        raise DeployError(f"cannot {what}: {_RENEW}") from None
    except aws.ClientError as error:
        raise _refused(what, error.response.get("Error", {})) from None
    except (aws.ConnectionError, aws.HTTPClientError):
        raise PassingError(
            f"cannot {what}: AWS does not answer; check the network, AWS_REGION and AWS_ENDPOINT_URL, and try again"
        ) from None
    except aws.BotoCoreError as error:
        raise DeployError(f"cannot {what}: {type(error).__name__}; check the settings of AWS") from None


_RENEW = (
    "the AWS credentials have expired or are not known; renew them (aws sso login, or a new run of the workflow) "
    "and run the same command again"
)


def _refused(what: str, error: dict[str, str]) -> DeployError:
    code = error.get("Code", "")
    if code in _EXPIRED:
        return DeployError(f"cannot {what}: {_RENEW}")
    if code in _DENIED:
        return DeployError(f"the credentials may not {what}: {_POLICY} says which rights a deployment needs")
    if code in _THROTTLED:
        return PassingError(
            f"cannot {what}: AWS has had too many requests of this account; wait a minute and run the same command "
            "again"
        )
    if code in _BUSY:
        return PassingError(f"cannot {what}: AWS has a fault of its own ({code}); run the same command again")
    said = " ".join(error.get("Message", "").split())[:_SHOWN]
    return DeployError(f"cannot {what}: AWS refused with {code or 'no reason'}{f': {said}' if said else ''}")
