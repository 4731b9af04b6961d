"""`openml:NAME@VERSION`: a public data set, by scikit-learn's `fetch_openml`, kept in the workspace's data cache."""

from __future__ import annotations

import random
import socket
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPException, InvalidURL
from urllib.error import HTTPError, URLError

import pandas as pd

from tabi.data.origin import Opened, Parent
from tabi.errors import ConfigError, SourceError
from tabi.workspace import Workspace

RETRIES = 3
FIRST_DELAY = 1.0
SILENCE = 60.0
"""Seconds: the first wait between two tries, doubled each time; how long a server may say nothing."""


def open_rows(rest: str, workspace: Workspace, query: str | None) -> Opened:  # noqa: ARG001
    """All columns of the data set, its target last."""
    return Opened([fetch(rest, workspace)], [Parent(kind="package", name="OpenML", revision=rest)])


def fetch(rest: str, workspace: Workspace, sleep: Callable[[float], object] = time.sleep) -> pd.DataFrame:
    """All columns of the data set, its target last.

    A network error is tried again `RETRIES` times with growing, jittered waits; an answer that says no fails at
    once. scikit-learn itself asks again, a second apart, for a data set's three descriptions, and once more at once
    after a broken connection.
    """
    name, _, version = rest.rpartition("@")
    if not name or not version.isdecimal():
        raise ConfigError(f"source 'openml:{rest}' needs a version, such as openml:adult@2: data sets change")
    tries = 0
    while True:
        try:
            return _fetch_once(name, int(version), workspace)
        except (URLError, HTTPException, TimeoutError, ConnectionError) as error:
            tries += 1
            if isinstance(error, HTTPError):
                error.close()
            if not _may_pass(error):
                raise _no_such(rest) from error
            if tries > RETRIES:
                raise SourceError(
                    f"OpenML could not be reached for {rest!r} in {tries} tries ({_reason(error)}): "
                    f"try again later, or put its files into {workspace.data_cache}"
                ) from error
            sleep(FIRST_DELAY * 2 ** (tries - 1) * random.uniform(0.5, 1.5))  # noqa: S311
        except OSError as error:
            raise SourceError(f"the data cache {workspace.data_cache} cannot be used: {error.strerror}") from error


def _fetch_once(name: str, version: int, workspace: Workspace) -> pd.DataFrame:
    from sklearn import config_context
    from sklearn.datasets import fetch_openml
    from sklearn.datasets._openml import OpenMLError

    try:
        # its check of parameters refuses n_retries=0, by which the waits are ours
        with warnings.catch_warnings(), config_context(skip_parameter_validation=True), _patience(SILENCE):
            warnings.simplefilter("ignore")
            bunch = fetch_openml(
                name,
                version=version,
                as_frame=True,
                data_home=workspace.data_cache,
                parser="auto",
                n_retries=0,
                read_csv_kwargs={"float_precision": "round_trip"},
            )
    except (OpenMLError, UnicodeEncodeError) as error:
        raise _no_such(f"{name}@{version}") from error
    except (ValueError, LookupError, EOFError) as error:
        raise SourceError(
            f"what OpenML sent for '{name}@{version}' cannot be read as a table: "
            f"remove {workspace.data_cache / 'openml'} and try again, or use another version"
        ) from error
    frame: pd.DataFrame = bunch.frame
    return frame


def _may_pass(error: Exception) -> bool:
    if isinstance(error, HTTPError):
        return error.code in {408, 429} or error.code >= 500
    return not isinstance(error, InvalidURL)


def _no_such(rest: str) -> SourceError:
    return SourceError(f"OpenML has no data set {rest!r}: check its name and version on the OpenML website")


def _reason(error: Exception) -> str:
    return f"HTTP {error.code}" if isinstance(error, HTTPError) else type(error).__name__


@contextmanager
def _patience(seconds: float) -> Iterator[None]:
    """scikit-learn sets no time limit on its connections; a server that says nothing would hold us for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
