"""Who does something, and whether they may: a token, a claim of an OIDC issuer, or the user of the system."""

from tabi.registry.identity.settings import ROLES, Role
from tabi.registry.identity.who import Identity, Kind, require_role, whoami

__all__ = ["ROLES", "Identity", "Kind", "Role", "require_role", "whoami"]
