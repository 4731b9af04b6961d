"""Objects by key in a bucket of S3, below a prefix. A PUT is whole or absent; the conditional write is S3's own.

Address, region and key are those of the standard variables (AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID …) or of
AWS's own files and roles.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from base64 import b64encode
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO, Any, NamedTuple

from tabi.errors import ConfigError, ConflictError, StoreError
from tabi.store.listing import MANIFEST, SIGNATURE, Difference, FileEntry
from tabi.store.objects import Left, tag_of

SCHEME = "s3://"
_PLACE = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?P<prefix>(?:/(?!\.)[A-Za-z0-9_.=-]+)*)/?")
_CHUNK = 1 << 20
# an object that is larger than this on its way waits on the disk
_SPOOL = 8 << 20
_ABSENT = frozenset({"404", "NoSuchKey", "NotFound"})
# the object is another one by now, is gone, or is being written by somebody else
_MOVED = frozenset({"412", "PreconditionFailed", "409", "ConditionalRequestConflict"})
_CHECK = "check the bucket's name, AWS_ENDPOINT_URL, AWS_REGION and the key in the environment"


class _Listed(NamedTuple):
    size: int
    modified: float


class S3:
    """The objects below one prefix of a bucket."""

    def __init__(self, place: str) -> None:
        found = _PLACE.fullmatch(place)
        if found is None:
            # not the text itself: somebody may have written a key into it
            raise ConfigError("the store's address is not of the form s3://BUCKET/PREFIX, in letters, digits and ._=-")
        self._bucket, self._prefix = found["bucket"], found["prefix"].strip("/")
        self._client = _client()

    @property
    def place(self) -> str:
        """The address."""
        return f"{SCHEME}{self._bucket}/{self._prefix}".rstrip("/")

    def read(self, key: str, limit: int) -> bytes | None:
        """The object's bytes; None if there is none."""
        found = self._read(key, limit)
        return None if found is None else found[0]

    def chunks(self, key: str) -> Iterator[bytes]:
        """The object's bytes in pieces."""
        with self._asking("read", key):
            yield from self._client.get_object(**self._at(key))["Body"].iter_chunks(_CHUNK)

    def has(self, key: str) -> bool:
        """Whether there is an object of this key."""
        with self._asking("read", key):
            try:
                self._client.head_object(**self._at(key))
            except self._client.exceptions.ClientError as error:
                if _code(error) in _ABSENT:
                    return False
                raise
        return True

    def is_group(self, key: str) -> bool:
        """Whether there are objects below this key."""
        with self._asking("list", key):
            found = self._client.list_objects_v2(Bucket=self._bucket, Prefix=self._key(f"{key}/"), MaxKeys=1)
        return bool(found["KeyCount"])

    def children(self, key: str) -> list[str]:
        """Names directly below `key`, sorted."""
        prefix = self._key(f"{key}/" if key else "")
        names: set[str] = set()
        for page in self._pages(key, Prefix=prefix, Delimiter="/"):
            names.update(group["Prefix"].removeprefix(prefix).rstrip("/") for group in page.get("CommonPrefixes", ()))
            names.update(item["Key"].removeprefix(prefix) for item in page.get("Contents", ()))
        return sorted(names - {""})

    def differences(self, key: str, files: Iterable[FileEntry]) -> Iterator[Difference]:
        """How the objects below `key` differ from a list of files; one is read only if its size is right."""
        expected = {entry.path: entry for entry in files}
        for path, listed in sorted(self._listed(f"{key}/").items()):
            entry = expected.pop(path, None)
            if path in {MANIFEST, SIGNATURE}:
                continue
            if entry is None:
                yield Difference(path, "is not in the manifest")
            elif listed.size != entry.size:
                yield Difference(path, f"has {listed.size} bytes, the manifest says {entry.size}")
            elif self._digest(f"{key}/{path}") != entry.sha256:
                yield Difference(path, "was changed: its sha256 is not the manifest's")
        for path in expected:
            yield Difference(path, "is missing")

    def write(self, key: str, chunks: Iterable[bytes]) -> None:
        """Write an object whole; S3 compares its digest with ours before it is there."""
        digest = hashlib.sha256()
        with tempfile.SpooledTemporaryFile(_SPOOL) as file:
            for chunk in chunks:
                digest.update(chunk)
                file.write(chunk)
            file.seek(0)
            with self._asking("write", key):
                self._put(key, file, digest.digest())

    def replace(self, key: str, expected: str | None, data: bytes) -> str:
        """Compare-and-set by a conditional PUT."""
        found = self._read(key, max(len(data), 1 << 20))
        present, etag = found or (None, None)
        if (None if present is None else tag_of(present)) != expected:
            raise self._moved(key)
        condition = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        with self._asking("write", key):
            try:
                self._put(key, data, hashlib.sha256(data).digest(), **condition)
            except self._client.exceptions.ClientError as error:
                if _code(error) not in _MOVED | _ABSENT:
                    raise
                # an answer that was lost on its way is asked for again: then it is our own bytes that are there
                if self.read(key, max(len(data), 1 << 20)) != data:
                    raise self._moved(key) from error
        return tag_of(data)

    def remove(self, key: str) -> None:
        """Remove one object, if there is one."""
        with self._asking("remove", key):
            self._client.delete_object(**self._at(key))

    def remove_group(self, key: str) -> None:
        """Remove everything below `key`."""
        for path in self._listed(f"{key}/"):
            self.remove(f"{key}/{path}")
        self.remove(key)

    def modified(self, key: str) -> float | None:
        """When anything at or below `key` was last written, by the clock of S3."""
        found = self._listed(key)
        # what only begins alike is another thing
        times = [listed.modified for path, listed in found.items() if path == "" or path.startswith("/")]
        return max(times, default=None)

    def left(self) -> list[Left]:
        """Nothing: an object that is not whole is never there."""
        return []

    def discard(self, name: str) -> None:
        """There is nothing to remove."""

    def _read(self, key: str, limit: int) -> tuple[bytes, str] | None:
        """The bytes and the ETag."""
        with self._asking("read", key):
            try:
                found = self._client.get_object(**self._at(key))
            except self._client.exceptions.ClientError as error:
                if _code(error) in _ABSENT:
                    return None
                raise
            if found["ContentLength"] > limit:
                raise StoreError(f"{key} in {self.place} is larger than {limit} bytes: it is not what belongs there")
            return found["Body"].read(), found["ETag"]

    def _put(self, key: str, body: IO[bytes] | bytes, digest: bytes, **condition: str) -> None:
        self._client.put_object(**self._at(key), Body=body, ChecksumSHA256=b64encode(digest).decode(), **condition)

    def _digest(self, key: str) -> str:
        digest = hashlib.sha256()
        for chunk in self.chunks(key):
            digest.update(chunk)
        return digest.hexdigest()

    def _listed(self, key: str) -> dict[str, _Listed]:
        """Every object whose key begins with `key`, by the rest of its key."""
        prefix = self._key(key)
        return {
            item["Key"].removeprefix(prefix): _Listed(item["Size"], item["LastModified"].timestamp())
            for page in self._pages(key, Prefix=prefix)
            for item in page.get("Contents", ())
        }

    def _pages(self, key: str, **given: str) -> Iterator[dict[str, Any]]:
        with self._asking("list", key):
            yield from self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, **given)

    def _key(self, key: str) -> str:
        return f"{self._prefix}/{key}" if self._prefix else key

    def _at(self, key: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": self._key(key)}

    def _moved(self, key: str) -> ConflictError:
        return ConflictError(f"somebody else moved {key} in the store {self.place} first: look and try again")

    @contextmanager
    def _asking(self, verb: str, key: str) -> Iterator[None]:
        """What S3 or the way to it says is told by its code alone: its text may name a key."""
        from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

        try:
            yield
        except ClientError as error:
            told = _code(error)
        except (BotoCoreError, HTTPClientError, OSError) as error:
            told = type(error).__name__
        else:
            return
        raise StoreError(f"cannot {verb} {key or 'anything'} in {self.place} ({told}): {_CHECK}")


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", "unknown"))


def _client() -> Any:
    try:
        from boto3.session import Session
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
    except ModuleNotFoundError as error:
        raise ConfigError("a store on S3 needs boto3: pip install 'tabi[s3]'") from error
    try:
        return Session().client("s3", config=Config(connect_timeout=5, read_timeout=60, retries={"mode": "standard"}))
    except (BotoCoreError, ValueError) as error:
        raise ConfigError(f"S3 cannot be used ({type(error).__name__}): {_CHECK}") from error
