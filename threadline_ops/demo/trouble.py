"""One thing that goes wrong in the demo on request, so that a person sees a check fail and recover."""

from __future__ import annotations

from threadline_ops.capture import names, triggers
from threadline_ops.database import Database
from threadline_ops.demo.marker import require_demo
from threadline_ops.demo.schema import CAPTURE, SCHEMA
from threadline_ops.progress import drive

#: The table that loses its capture.
TABLE = names.Table(SCHEMA, "bookings")


def drop_trigger(database: Database) -> str:
    """Drop a table's capture trigger, as a careless migration would; the trigger's name.

    Raises:
        UnsafeDatabase: the database is not the demo's.
    """
    require_demo(database)
    trigger = names.trigger_name(TABLE)
    with database.transaction() as connection:
        connection.execute(database.statement("demo/drop_trigger", trigger=trigger, app=SCHEMA, table=TABLE.name))
    return trigger


def restore_trigger(database: Database) -> None:
    """Put capture back as it was.

    Raises:
        UnsafeDatabase: the database is not the demo's.
    """
    require_demo(database)
    drive(triggers.apply(database, [TABLE], CAPTURE), lambda _: None)
