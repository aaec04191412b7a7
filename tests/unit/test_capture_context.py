import asyncio

import pytest

from threadline_ops.capture.asgi import ThreadlineMiddleware, request_of
from threadline_ops.capture.context import ACTOR_TYPES, Actor, Request, attributed, current_actor, current_request
from threadline_ops.errors import SettingsError


@pytest.mark.parametrize("kind", ACTOR_TYPES)
def test_every_type_of_actor(kind):
    actor = Actor(kind) if kind == "anonymous" else Actor(kind, "7")
    assert actor.reference() == ({"type": kind} if kind == "anonymous" else {"type": kind, "id": "7"})


@pytest.mark.parametrize(
    ("kind", "identity"),
    [("robot", "1"), ("user", None), ("user", ""), ("user", "a\0"), ("anonymous", "1"), ("", None)],
)
def test_what_is_no_actor(kind, identity):
    with pytest.raises(SettingsError):
        Actor(kind, identity)


def test_attributed_ends_with_its_block():
    with attributed(Actor("system", "s")):
        assert current_actor.get() == Actor("system", "s")
    assert current_actor.get() is None


def serve(scope, actor=lambda _: None):
    seen = []

    async def app(scope, receive, send):
        seen.append((current_request.get(), current_actor.get()))

    async def run():
        await ThreadlineMiddleware(app, actor)(scope, None, None)
        seen.append((current_request.get(), current_actor.get()))

    asyncio.run(run())
    return seen


def test_the_middleware_remembers_ids_while_it_serves():
    scope = {"type": "http", "headers": [(b"x-request-id", b"r1"), (b"x-correlation-id", b" c1 "), (b"accept", b"*/*")]}
    assert serve(scope, lambda _: Actor("user", "1")) == [(Request("r1", "c1"), Actor("user", "1")), (Request(), None)]


def test_other_scopes_pass_through():
    assert serve({"type": "lifespan"})[0] == (Request(), None)


def test_requests_served_at_once_do_not_see_each_other():
    seen = []

    async def app(scope, receive, send):
        for _ in range(3):
            await asyncio.sleep(0)
        seen.append((scope["n"], current_request.get().request_id))

    async def run():
        middleware = ThreadlineMiddleware(app)
        await asyncio.gather(
            *(
                middleware({"type": "http", "n": n, "headers": [(b"x-request-id", str(n).encode())]}, None, None)
                for n in range(5)
            )
        )

    asyncio.run(run())
    assert sorted(seen) == [(n, str(n)) for n in range(5)]


@pytest.mark.parametrize("value", [b"", b"  ", b"x" * 257, "é".encode() * 129, b"a\nb", b"a\x00b"])
def test_ids_that_could_not_be_found_again_are_dropped(value):
    assert request_of([(b"X-Correlation-Id", value)]) == Request()


def test_ids_keep_other_scripts():
    assert request_of([(b"x-correlation-id", "é☃".encode())]).correlation_id == "é☃"
