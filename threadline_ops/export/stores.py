"""The stores that exports go to, reached by URI, and their errors in our words."""

from __future__ import annotations

import errno
import os
from collections.abc import Generator
from contextlib import contextmanager
from importlib import import_module
from typing import Any
from urllib.parse import SplitResult, parse_qsl, urlsplit

import pyarrow as pa
from pyarrow import fs

from threadline_ops.errors import ExportError, SettingsError

#: How often the S3 client asks again before an error is final, and how long it waits for an answer, in seconds.
S3_ATTEMPTS = 4
S3_TIMEOUT_S = 20


def reached(location: str) -> tuple[fs.FileSystem, str]:
    """The file system of a URI, and the path in it.

    Raises:
        SettingsError: the URI cannot be used, or carries a secret.
        ExportError: the store does not answer.
    """
    parts = urlsplit(location)
    if parts.username or parts.password:
        raise SettingsError(
            "the destination's URI carries credentials",
            fix="leave them out, and set the store's own environment variables, such as AWS_ACCESS_KEY_ID",
        )
    if not parts.netloc:
        raise SettingsError("the destination names no bucket", got=location, fix="write s3://bucket/prefix")
    try:
        if parts.scheme == "s3":
            return _s3(parts)
        return fs.FileSystem.from_uri(location)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as error:
        return _fsspec(location, parts.scheme, error)


def s3_options(parts: SplitResult) -> dict[str, str]:
    """Region and, where one is named, endpoint of an S3 URI; both may come from AWS's variables."""
    query = dict(parse_qsl(parts.query))
    environment = os.environ.get
    endpoint = query.get("endpoint_override") or environment("AWS_ENDPOINT_URL_S3") or environment("AWS_ENDPOINT_URL")
    region = query.get("region") or environment("AWS_REGION") or environment("AWS_DEFAULT_REGION")
    if not endpoint:
        with told(f"s3://{parts.netloc}"):
            return {"region": region or fs.resolve_s3_region(parts.netloc)}
    scheme, _, host = endpoint.rpartition("://")
    # Another vendor's endpoint has no regions to ask for.
    return {"region": region or "us-east-1", "endpoint": f"{query.get('scheme') or scheme or 'https'}://{host}"}


def _s3(parts: SplitResult) -> tuple[fs.FileSystem, str]:
    """S3 with patience of its own."""
    given = s3_options(parts)
    scheme, _, host = given.get("endpoint", "").partition("://")
    options = {"endpoint_override": host, "scheme": scheme} if host else {}
    with told(f"s3://{parts.netloc}"):
        made = fs.S3FileSystem(
            region=given["region"],
            request_timeout=S3_TIMEOUT_S,
            connect_timeout=S3_TIMEOUT_S,
            retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=S3_ATTEMPTS),
            **options,
        )
    return made, parts.netloc + parts.path


def _fsspec(location: str, scheme: str, error: Exception) -> tuple[fs.FileSystem, str]:
    try:
        core: Any = import_module("fsspec.core")  # optional, and without types
        found, path = core.url_to_fs(location)
    except (ImportError, ValueError):
        raise SettingsError(
            f"the destination's scheme {scheme}:// is not available",
            got=location.split("?")[0],
            fix="use a path, s3://, gs:// or abfss://, or install fsspec's package for it",
        ) from error
    return fs.PyFileSystem(fs.FSSpecHandler(found)), path


@contextmanager
def told(shown: str) -> Generator[None]:
    """Turn file system errors into ours.

    Args:
        shown: the place, as the message may show it.
    """
    try:
        yield
    except OSError as error:
        reasons = {
            errno.ENOSPC: ("no space is left", "free space, or choose another place"),
            errno.EDQUOT: ("the quota is used up", "free space, or choose another place"),
            errno.EACCES: ("permission is denied", "choose a place that this user may write"),
            errno.EROFS: ("the file system is read-only", "choose another place"),
            errno.ENOTDIR: ("a part of the path is a file", "choose another place"),
        }
        what, fix = reasons.get(error.errno or 0, ("the store failed", "check its address, state and access"))
        raise ExportError(f"the export cannot be written: {what}", got=shown, fix=fix) from error
