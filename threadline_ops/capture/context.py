"""Who acts and for which request, for the length of a request or job: what middleware sets and actions use."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from threadline_ops.errors import SettingsError

#: The types that every reader of the audit trail understands.
ACTOR_TYPES: Final = ("user", "admin", "service_account", "job", "system", "anonymous")
#: A longer correlation id could never be asked for: the timeline's filter refuses it.
ID_BYTES: Final = 256


@dataclass(frozen=True)
class Actor:
    """Who acts: one of ACTOR_TYPES, with an id unless anonymous.

    Raises:
        SettingsError: an unknown type, or an id that is missing or does not belong.
    """

    type: str
    id: str | None = None

    def __post_init__(self) -> None:
        if self.type not in ACTOR_TYPES:
            raise SettingsError("unknown type of actor", got=self.type, fix=f"use one of {', '.join(ACTOR_TYPES)}")
        if self.type == "anonymous" and self.id is not None:
            raise SettingsError("an anonymous actor has no id", fix="leave the id out, or name the type")
        if self.type != "anonymous" and (not isinstance(self.id, str) or not self.id or "\0" in self.id):
            raise SettingsError(
                f"an actor of type {self.type!r} needs an id", fix="pass the id as text that is not empty"
            )

    def reference(self) -> dict[str, str]:
        """The ActorRef as it is stored."""
        return {"type": self.type} if self.id is None else {"type": self.type, "id": self.id}


@dataclass(frozen=True)
class Request:
    """What ties the actions of one request together, and to other services."""

    request_id: str | None = None
    correlation_id: str | None = None


current_actor: ContextVar[Actor | None] = ContextVar("threadline_actor", default=None)
current_request: ContextVar[Request] = ContextVar("threadline_request", default=Request())  # noqa: B039 (frozen)


@contextmanager
def attributed(actor: Actor) -> Generator[None]:
    """Let `actor` be the current one for the length of a `with`: what `attribute` reads at each transaction."""
    token = current_actor.set(actor)
    try:
        yield
    finally:
        current_actor.reset(token)
