"""The application: seven tables of a flight operations desk, with every kind of key that capture meets."""

from __future__ import annotations

from psycopg.types.json import Jsonb

from threadline_ops.database import Database
from threadline_ops.demo.dataset import reference_rows
from threadline_ops.demo.marker import require_demo
from threadline_ops.sections import CaptureSettings, CaptureTable

#: Where most applications have their tables, and where Threadline's own checks look for them.
SCHEMA = "public"
#: In the order of their references. Keys: text, text, text, uuid, (text, timestamptz), integer, text.
TABLES = ("airlines", "airports", "planes", "flights", "weather", "delay_reports", "bookings")
#: Tables that the application filled before it was audited.
BROWNFIELD = ("airlines", "airports", "planes")

#: How the demo captures: old values where people will ask for them, and nothing personal.
CAPTURE = CaptureSettings(
    tables={
        "public.airlines": CaptureTable(store_changed_from=True),
        "public.airports": CaptureTable(store_changed_from=True),
        "public.planes": CaptureTable(),
        "public.flights": CaptureTable(store_changed_from=True),
        "public.weather": CaptureTable(),
        "public.delay_reports": CaptureTable(),
        "public.bookings": CaptureTable(mask=("email", "contact"), exclude=("payment_token",)),
    }
)


def create(database: Database) -> dict[str, int]:
    """Create the application's tables, with the rows that they hold before anything is audited.

    Returns:
        The number of these brownfield rows, by table.

    Raises:
        UnsafeDatabase: the database is not the demo's.
        SettingsError: the flight data is not installed.
    """
    require_demo(database)
    loaded: dict[str, int] = {}
    with database.transaction() as connection:
        for table in TABLES:
            connection.execute(database.statement(f"demo/create_{table}", app=SCHEMA))
        for table in BROWNFIELD:
            rows = reference_rows(table)
            connection.execute(database.statement(f"demo/load_{table}", app=SCHEMA), {"rows": Jsonb(rows)})
            loaded[table] = len(rows)
    return loaded
