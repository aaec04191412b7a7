"""The application's web side, served in a thread of the test."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from sqlalchemy import Engine
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from tests.sample_host.bookings import book, engine_for

TOKEN = "a-token-of-the-host"


def application(engine: Engine, fault: str) -> Starlette:
    async def create(request: Request) -> JSONResponse:
        if request.headers.get("Authorization") != TOKEN:
            return JSONResponse({}, status_code=401)
        body = await request.json()
        book(
            engine,
            {"type": "user", "id": "42"},
            flight=body["flight"],
            email=body["email"],
            correlation_id=request.headers["X-Correlation-ID"],
            fault=fault,
        )
        return JSONResponse({}, status_code=201)

    return Starlette(routes=[Route("/bookings", create, methods=["POST"])])


@contextmanager
def serving(dsn: str, fault: str = "") -> Iterator[str]:
    """The address of the bookings while the application runs."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        engine = engine_for(dsn)
        config = uvicorn.Config(application(engine, fault), log_level="warning", lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        deadline = time.monotonic() + 20
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/bookings"
        finally:
            server.should_exit = True
            thread.join(20)
            engine.dispose()
