"""ASGI middleware that remembers a request's ids for the actions recorded while it is served.

Pure ASGI, so it fits Starlette, FastAPI, Litestar, Django and every other framework that speaks it:

    app = ThreadlineMiddleware(app)
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from threadline_ops.capture.context import ID_BYTES, Actor, Request, current_actor, current_request

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


class ThreadlineMiddleware:
    """Reads x-request-id and x-correlation-id, and asks who acts.

    Args:
        app: the application within.
        actor: who acts in a request, told from its scope; None leaves the actor to the application.
    """

    def __init__(self, app: Application, actor: Callable[[Scope], Actor | None] = lambda _: None) -> None:
        self._app = app
        self._actor = actor

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection, with its ids and actor current meanwhile."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        request = current_request.set(request_of(scope.get("headers", ())))
        actor = current_actor.set(self._actor(scope))
        try:
            await self._app(scope, receive, send)
        finally:
            current_actor.reset(actor)
            current_request.reset(request)


def request_of(headers: Iterable[tuple[bytes, bytes]]) -> Request:
    """The ids in a request's headers; one that is empty, too long or not printable is as if not sent."""
    found = {name.lower(): value for name, value in headers}
    return Request(_id(found.get(b"x-request-id")), _id(found.get(b"x-correlation-id")))


def _id(value: bytes | None) -> str | None:
    if value is None:
        return None
    text = value.decode("utf-8", errors="replace").strip()
    return text if text and text.isprintable() and len(text.encode()) <= ID_BYTES else None
