"""OpenFeature providers of Unleash and GrowthBook. Both evaluate in this process; neither waits for a network."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlsplit

from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import FlagNotFoundError, ProviderNotReadyError, TypeMismatchError
from openfeature.flag_evaluation import FlagResolutionDetails, FlagValueType
from openfeature.provider import AbstractProvider, Metadata

from tabi.errors import ConfigError

if TYPE_CHECKING:
    from UnleashClient.clients.unleash_client import UnleashClient

REFRESH_SECONDS = 5
TIMEOUT_SECONDS = 2
LIMIT = 16 << 20


def provider_of(setting: str, token: str) -> AbstractProvider:
    """The provider that a setting names; `ConfigError` if it names none."""
    scheme = setting.partition(":")[0]
    if scheme in {"unleash", "unleashs"}:
        url = urlsplit(setting)
        if not url.hostname:
            raise ConfigError("TABI_FLAGS: say where Unleash is, as unleash://HOST:4242/api")
        web = "https" if scheme == "unleashs" else "http"
        return UnleashProvider(f"{web}://{url.netloc}{url.path.rstrip('/') or '/api'}", token)
    if scheme == "growthbook":
        return GrowthBookProvider(Path(setting.partition(":")[2]))
    raise ConfigError("TABI_FLAGS names no flag system that is known: there are unleash://HOST/api and growthbook:FILE")


class _Strings(AbstractProvider):
    """A flag is the name of an arm: no other type is answered."""

    def resolve_boolean_details(
        self,
        flag_key: str,
        default_value: bool,  # noqa: ARG002  as OpenFeature has it
        evaluation_context: EvaluationContext | None = None,  # noqa: ARG002
    ) -> FlagResolutionDetails[bool]:
        """None is."""
        _refuse(flag_key)

    def resolve_integer_details(
        self,
        flag_key: str,
        default_value: int,  # noqa: ARG002
        evaluation_context: EvaluationContext | None = None,  # noqa: ARG002
    ) -> FlagResolutionDetails[int]:
        """None is."""
        _refuse(flag_key)

    def resolve_float_details(
        self,
        flag_key: str,
        default_value: float,  # noqa: ARG002
        evaluation_context: EvaluationContext | None = None,  # noqa: ARG002
    ) -> FlagResolutionDetails[float]:
        """None is."""
        _refuse(flag_key)

    def resolve_object_details(
        self,
        flag_key: str,
        default_value: Sequence[FlagValueType] | Mapping[str, FlagValueType],  # noqa: ARG002
        evaluation_context: EvaluationContext | None = None,  # noqa: ARG002
    ) -> FlagResolutionDetails[Sequence[FlagValueType] | Mapping[str, FlagValueType]]:
        """None is."""
        _refuse(flag_key)


def _refuse(flag_key: str) -> NoReturn:
    raise TypeMismatchError(f"{flag_key} is the name of an arm, a text")


class UnleashProvider(_Strings):
    """Variants of Unleash: the unit is its `userId`, the variant's name the arm."""

    def __init__(self, url: str, token: str) -> None:
        super().__init__()
        self._url = url
        self._token = token
        self._client: UnleashClient | None = None

    def get_metadata(self) -> Metadata:
        """Its name."""
        return Metadata("unleash")

    def initialize(self, evaluation_context: EvaluationContext) -> None:  # noqa: ARG002
        """Connect, in a thread: the first fetch waits for a server that may be down. Its last rules are on the disk."""
        from UnleashClient.cache import FileCache
        from UnleashClient.clients.unleash_client import UnleashClient

        self._client = UnleashClient(
            self._url,
            "tabi",
            custom_headers={"Authorization": self._token} if self._token else {},
            refresh_interval=REFRESH_SECONDS,
            request_timeout=TIMEOUT_SECONDS,
            request_retries=0,
            disable_metrics=True,
            disable_registration=True,
            cache=FileCache(f"tabi-{blake2b(self._url.encode(), digest_size=8).hexdigest()}"),
        )
        Thread(target=self._client.initialize_client, name="flags", daemon=True).start()

    def shutdown(self) -> None:
        """Disconnect."""
        if self._client is not None:
            self._client.destroy()

    def resolve_string_details(
        self,
        flag_key: str,
        default_value: str,  # noqa: ARG002
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[str]:
        """The variant's name."""
        client = self._client
        if client is None or not client.is_initialized:
            raise ProviderNotReadyError("Unleash has not answered yet")
        unit = evaluation_context.targeting_key if evaluation_context else None
        found = client.get_variant(flag_key, {"userId": unit})
        if not found.get("enabled"):
            raise FlagNotFoundError(f"{flag_key} is off or has no variant")
        return FlagResolutionDetails(value=str(found["name"]))


class GrowthBookProvider(_Strings):
    """Features of a GrowthBook file, as its API gives them: the unit is the attribute `id`, the value the arm."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        from growthbook import GrowthBook

        self._of = GrowthBook
        self._features = _features(file)

    def get_metadata(self) -> Metadata:
        """Its name."""
        return Metadata("growthbook")

    def resolve_string_details(
        self,
        flag_key: str,
        default_value: str,  # noqa: ARG002
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[str]:
        """The feature's value."""
        if flag_key not in self._features:
            raise FlagNotFoundError(f"the file has no feature {flag_key}")
        unit = evaluation_context.targeting_key if evaluation_context else None
        found = self._of(attributes={"id": unit}, features={flag_key: self._features[flag_key]})
        value = found.eval_feature(flag_key).value
        if not isinstance(value, str):
            raise TypeMismatchError(f"{flag_key} is not a text")
        return FlagResolutionDetails(value=value)


def _features(file: Path) -> dict[str, Any]:
    try:
        with file.open("rb") as opened:
            found = json.loads(opened.read(LIMIT))
        features = found.get("features", found)
    except (OSError, ValueError, AttributeError) as error:
        raise ConfigError(f"TABI_FLAGS: {file} is no file of GrowthBook features ({type(error).__name__})") from error
    if not isinstance(features, dict):
        raise ConfigError(f"TABI_FLAGS: {file} holds no object of features")
    return features
