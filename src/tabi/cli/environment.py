"""`tabi envinfo`."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version

import typer

from tabi.workspace import Workspace, without_secrets

PACKAGES = ("tabi", "numpy", "onnxruntime", "fastapi", "scikit-learn", "pandas", "onnx", "mlflow")


def envinfo() -> None:
    """Print interpreter, versions, environment digest, and the store and database in use."""
    from tabi.training.environment import environment_lock, lock_digest

    workspace = Workspace.find()
    typer.echo(f"python       {platform.python_version()} ({sys.executable})")
    for package in PACKAGES:
        typer.echo(f"{package:<12} {_version(package)}")
    typer.echo(f"environment  {lock_digest(environment_lock())}")
    typer.echo(f"workspace    {workspace.root}")
    typer.echo(f"store        {workspace.models}")
    typer.echo(f"tracking     {without_secrets(workspace.tracking_uri)}")
    typer.echo(f"state        {without_secrets(workspace.state_url)}")
    typer.echo(f"data cache   {workspace.data_cache}")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed (make init EXTRAS=[train])"
