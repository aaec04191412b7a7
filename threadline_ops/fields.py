"""What settings are made of: strict types, and sections that know their keys."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictStr


def _identifier(value: str) -> str:
    if not value or "\0" in value or len(value.encode()) > 63:
        raise ValueError("must be a PostgreSQL identifier of 1 to 63 bytes")
    return value


Identifier = Annotated[StrictStr, AfterValidator(_identifier)]
PositiveInt = Annotated[int, Field(gt=0)]


def _boolean(value: object) -> object:
    """The environment can only say it in text; every other stand-in for yes or no is a mistake."""
    return {"true": True, "false": False}.get(value.lower(), value) if isinstance(value, str) else value


Boolean = Annotated[StrictBool, BeforeValidator(_boolean)]


class Section(BaseModel):
    """A group of settings; unknown keys are errors, because a typo must not silently keep a default."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
