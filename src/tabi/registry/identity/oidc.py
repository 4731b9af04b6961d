"""An OIDC token of a CI system or a login: signed by the issuer, for us, now. Then its claims say who it is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jwt

from tabi.errors import ConfigError, ForbiddenError
from tabi.registry.identity.settings import Oidc

CLOCKS_S = 30
"""How far clocks may be apart."""

TIMEOUT_S = 10

# the first class that fits says what is wrong
_REASONS: tuple[tuple[type[jwt.PyJWTError], str], ...] = (
    (jwt.ExpiredSignatureError, "has expired: get another"),
    (jwt.ImmatureSignatureError, "is not valid yet: are the clocks right?"),
    (jwt.InvalidIssuedAtError, "has no valid time of issue"),
    (jwt.InvalidAudienceError, "is for another audience: ask the issuer for one with the audience of identity.toml"),
    (jwt.InvalidIssuerError, "is of another issuer than identity.toml names"),
    (jwt.InvalidAlgorithmError, "is signed with an algorithm that identity.toml does not allow"),
    (jwt.InvalidSignatureError, "has a signature that is not of the issuer's key"),
    (jwt.InvalidKeyError, "is signed with a key that is too short"),
    (jwt.DecodeError, "is not a JWT"),
)


def identify(token: str, settings: Oidc, folder: Path) -> tuple[str, frozenset[str]]:
    """Name and roles of the token's owner. `ForbiddenError` says what of the token is wrong."""
    claims = _claims(token, settings, folder)
    name = _claim(claims, settings.name)
    if not isinstance(name, str) or not name:
        raise ForbiddenError(f"the OIDC token has no text in its claim '{settings.name}', which says who it is")
    roles = (grant.role for grant in settings.role if _texts(_claim(claims, grant.claim)) & set(grant.values))
    return name, frozenset(roles)


def _claims(token: str, settings: Oidc, folder: Path) -> dict[str, Any]:
    try:
        header = jwt.get_unverified_header(token)
        if header.get("alg") not in settings.algorithms:
            raise jwt.InvalidAlgorithmError
        key = _key(header.get("kid"), _keys(settings.jwks, folder))
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=list(settings.algorithms),
            audience=settings.audience,
            issuer=settings.issuer,
            leeway=CLOCKS_S,
            options={"require": ["exp", "iat", "iss", "aud"], "enforce_minimum_key_length": True},
        )
    except jwt.MissingRequiredClaimError as error:
        raise ForbiddenError(f"the OIDC token lacks the claim '{error.claim}'") from None
    except jwt.PyJWTError as error:
        reason = next(
            (text for kind, text in _REASONS if isinstance(error, kind)), f"is refused: {type(error).__name__}"
        )
        raise ForbiddenError(f"the OIDC token {reason}") from None
    return claims


def _keys(jwks: str, folder: Path) -> jwt.PyJWKSet:
    try:
        if "://" in jwks:
            return jwt.PyJWKClient(jwks, timeout=TIMEOUT_S).get_jwk_set()
        return jwt.PyJWKSet.from_json((folder / jwks).read_text(encoding="utf-8"))
    except (jwt.PyJWTError, OSError, ValueError) as error:
        # not a fault of the token: nobody can be known while this lasts
        raise ConfigError(f"the issuer's keys cannot be had from {jwks} ({type(error).__name__})") from None


def _key(kid: object, keys: jwt.PyJWKSet) -> jwt.PyJWK:
    usable = [key for key in keys.keys if key.public_key_use in {"sig", None}]
    found = [key for key in usable if key.key_id == kid]
    if kid is None and len(usable) == 1:
        found = usable
    if not found:
        raise ForbiddenError("the OIDC token names a key that the issuer does not have")
    return found[0]


def _claim(claims: Mapping[str, Any], name: str) -> object:
    """The claim of that name, or, with dots, one inside others: `realm_access.roles`."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _texts(value: object) -> set[str]:
    values = value if isinstance(value, list) else [value]
    return {item for item in values if isinstance(item, str)}
