"""Addresses that hear of symptoms: apprise URLs from the environment, which are secrets and are never shown."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from threadline_ops.errors import SettingsError
from threadline_ops.settings import Settings

Kind = Literal["failure", "warning", "success", "info"]


@dataclass(frozen=True)
class Address:
    """One receiver.

    Attributes:
        number: its place in THREADLINE_OPS_ALERT_URLS, from 1.
        scheme: of the URL, all of it that may be shown.
        digest: tells it from the others in the state, a part of a hash of the URL.
    """

    number: int
    scheme: str
    digest: str
    _service: Any = field(repr=False)

    def send(self, title: str, body: str, kind: Kind) -> bool:
        """Deliver one notice; whether the address took it. It never raises, and logs nothing of the URL."""
        import apprise

        with _quiet():
            try:
                return bool(self._service.notify(title=title, body=body, notify_type=apprise.NotifyType(kind)))
            except Exception:  # a plugin's own failure; its text may quote the address
                return False


def addresses(settings: Settings) -> tuple[Address, ...]:
    """The addresses of the environment, none if there are none.

    Raises:
        SettingsError: one of them is of no kind that apprise knows, or apprise is not installed.
    """
    if settings.alert_urls is None:
        return ()
    try:
        import apprise
    except ImportError:
        raise SettingsError("alerts need apprise", fix="install threadline-ops[alerts]") from None
    library: Any = apprise  # its own types are only partly known
    found: list[Address] = []
    for number, url in enumerate(split(settings.alert_urls.get_secret_value()), 1):
        scheme = url.partition("://")[0][:20]
        with _quiet():
            service = library.Apprise.instantiate(url)
        if service is None:
            raise SettingsError(
                f"address {number} in THREADLINE_OPS_ALERT_URLS is not an apprise URL",
                fix="look up how your service is written in apprise's documentation; try threadline-ops alerts test",
            )
        service.socket_connect_timeout = service.socket_read_timeout = float(settings.alerts.timeout_s)
        found.append(Address(number, scheme, hashlib.sha256(url.encode()).hexdigest()[:12], service))
    return tuple(found)


def split(text: str) -> list[str]:
    """The URLs of a list: a comma or space separates two where the next one begins."""
    return [url for url in re.split(r"[\s,]+(?=[A-Za-z][A-Za-z0-9+.-]*://)", text.strip(" ,\t\n")) if url]


@contextmanager
def _quiet() -> Generator[None]:
    """Apprise logs an address that it cannot read or reach, password included."""
    logger = logging.getLogger("apprise")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before
