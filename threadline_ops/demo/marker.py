"""How the demo knows its own database, so that it never drops or rewrites another.

The mark is a comment on the database: it can be read without connecting to that one, and neither a clone nor
a dump restored under another name carries it along.
"""

from __future__ import annotations

from threadline_ops.database import Database
from threadline_ops.errors import UnsafeDatabase
from threadline_ops.server_errors import translated

#: As `sql/demo/mark_database.sql` writes it.
MARK = "threadline_ops demo: made by the demo, which drops it without asking and rewrites its history"


def require_demo(database: Database) -> None:
    """Check that the connection leads to a database that the demo made.

    Raises:
        UnsafeDatabase: it does not.
    """
    name = database.connection.info.dbname
    if _mark(database, name) != (MARK,):
        raise UnsafeDatabase(
            "this database was not made by the demo, which writes flights into it and rewrites its history",
            got=name,
            fix="run threadline-ops demo, which makes a database of its own",
        )


def recreate(maintenance: Database, name: str) -> bool:
    """Make an empty, marked database; one of this name goes first, if the demo made it.

    Args:
        maintenance: a connection to another database of the server, as a role that may create databases.
        name: the database's name.

    Returns:
        Whether an older one went.

    Raises:
        UnsafeDatabase: a database of this name exists, and the demo did not make it.
    """
    found = _mark(maintenance, name)
    if found not in (None, (MARK,)):
        raise UnsafeDatabase(
            "a database of this name exists, and the demo did not make it",
            got=name,
            fix="drop it yourself if nobody needs it, or give the demo another server",
        )
    with translated():  # databases are made and dropped outside of transactions only
        if found:
            maintenance.connection.execute(maintenance.statement("demo/drop_database", database=name))
        maintenance.connection.execute(maintenance.statement("demo/create_database", database=name))
    with maintenance.transaction() as connection:
        connection.execute(maintenance.statement("demo/mark_database", database=name))
    return found is not None


def _mark(database: Database, name: str) -> tuple[str | None] | None:
    """A database's comment in a tuple, or None if there is no such database."""
    with database.transaction(read_only=True) as connection:
        return connection.execute(database.statement("demo/read_mark"), {"name": name}).fetchone()
