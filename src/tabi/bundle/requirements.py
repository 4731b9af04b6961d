"""What a bundle asks of the machine that runs it: `manifest.runtime`, compared with what is installed."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

from tabi.errors import BundleError


def require_runtime(runtime: Mapping[str, str], what: str) -> None:
    """`BundleError` names the first package that is missing or of a version that the bundle was not made for."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    for name, asked in runtime.items():
        try:
            installed = version(name)
            fits = SpecifierSet(asked).contains(installed, prereleases=True)
        except PackageNotFoundError:
            raise BundleError(f"{what} needs {name}{asked}, which is not installed: install it") from None
        except (InvalidSpecifier, ValueError):
            raise BundleError(
                f"manifest.json of {what} asks for a version of {name} that is none: release it again"
            ) from None
        if not fits:
            raise BundleError(
                f"{what} needs {name}{asked}, this is {name} {installed}: update it, or release with this one"
            )
