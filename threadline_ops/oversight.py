"""Who may do what in the audited database, and who hears of what goes wrong there."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from threadline_ops.fields import Boolean, Identifier, PositiveInt, Section


class RolesSettings(Section):
    """What the database's four roles are called."""

    reader: Identifier = "threadline_reader"
    exporter: Identifier = "threadline_exporter"
    purger: Identifier = "threadline_purger"
    installer: Identifier = "threadline_installer"

    @model_validator(mode="after")
    def _four_names(self) -> Self:
        names = (self.reader, self.exporter, self.purger, self.installer)
        if len(set(names)) < len(names):
            raise ValueError("reader, exporter, purger and installer must be four different roles")
        return self


class AlertsSettings(Section):
    """Which symptoms are told to the addresses in THREADLINE_OPS_ALERT_URLS, and how often."""

    minimum_severity: Literal["P0", "P1", "P2"] = "P1"
    recoveries: Boolean = True
    remind_after_hours: PositiveInt | None = None
    most_at_once: PositiveInt = 20
    timeout_s: Annotated[int, Field(gt=0, le=120)] = 10
    link: str | None = None
