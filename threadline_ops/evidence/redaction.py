"""The last line of defence: whatever a caller passes, the process's own secrets do not reach the store.

The first line is that nobody passes them, see errors.py and settings.py.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from typing import Any, cast
from urllib.parse import quote, quote_plus, unquote

import psycopg
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from threadline_ops.declared import ENVIRONMENT_SECRETS
from threadline_ops.settings import ENVIRONMENT_ONLY, Settings

REDACTED = "[redacted]"

#: user:password@ of an address, and password=... of a connection string, whoever's they are.
_ADDRESS = re.compile(r"(?<=://)[^\s/@:]*:[^\s/@]*(?=@)")
_ASSIGNMENT = re.compile(r"(?i)\b((?:password|passwd|pwd|token|secret|sslpassword)\s*=\s*)('[^']*'|[^\s&;,]+)")

#: Secrets that libraries below us read from the process's environment by themselves.
_AMBIENT = {"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "PGPASSWORD"}

#: Shorter ones would blot out ordinary words.
_SHORTEST = 6


def scrubber(settings: Settings) -> Callable[[str], str]:
    """A function that takes this process's secrets, and what looks like one, out of a text."""
    secrets = sorted(_spellings(_secrets(settings)), key=len, reverse=True)
    known = re.compile("|".join(re.escape(secret) for secret in secrets)) if secrets else None

    def scrub(text: str) -> str:
        if known:
            text = known.sub(REDACTED, text)
        if "://" in text:
            text = _ADDRESS.sub(REDACTED, text)
        return _ASSIGNMENT.sub(rf"\1{REDACTED}", text) if "=" in text else text

    return scrub


def scrubbed(value: Any, scrub: Callable[[str], str]) -> Any:
    """JSON data with every text in it scrubbed, keys included."""
    match value:
        case str():
            return scrub(value)
        case dict():
            return {scrub(key): scrubbed(item, scrub) for key, item in cast("dict[str, Any]", value).items()}
        case list():
            return [scrubbed(item, scrub) for item in cast("list[Any]", value)]
        case _:
            return value


def _secrets(settings: Settings) -> Iterable[str]:
    own = [getattr(settings, name) for name in ENVIRONMENT_ONLY]
    if settings.alert_urls is not None:  # a list: each of them is a secret by itself
        yield from re.split(r"[\s,]+", settings.alert_urls.get_secret_value())
    declared = [getattr(one, name) for one in settings.environments.values() for name in ENVIRONMENT_SECRETS]
    headers = {variable for path in settings.write_paths for variable in path.headers.values()}
    yield from (os.environ[name] for name in sorted(headers | _AMBIENT) if name in os.environ)
    for secret in cast("list[SecretStr | None]", own + declared):
        if secret is None:
            continue
        text = secret.get_secret_value()
        yield text
        try:
            password = conninfo_to_dict(text).get("password")
        except psycopg.ProgrammingError:
            continue
        if password:
            yield str(password)


def _spellings(secrets: Iterable[str]) -> set[str]:
    spelled = {form(secret) for secret in secrets for form in (str, quote, quote_plus, unquote)}
    return {secret for secret in spelled if len(secret) >= _SHORTEST}
