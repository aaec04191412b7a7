"""What people reach for to get a query into Parquet, each by its own documented fastest way, and ours.

`python -m benchmarks.peers NAME` exports for each line of its input, `[DSN, FILE]`, and answers with its peak memory in
MB. All write zstd level 1, as ours does. Each imports what it needs when it first exports.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from itertools import chain
from pathlib import Path

QUERY = (Path(__file__).parent / "sql" / "joined.sql").read_text(encoding="utf-8")
_CHUNK = 20_000


def ours(dsn: str, file: str) -> None:
    """An export of everything, with settings as an operator has them."""
    from threadline_ops import settings
    from threadline_ops.export import Filters, export_parquet

    os.environ[f"{settings.PREFIX}DSN"] = dsn
    for _ in export_parquet(settings.load(), Filters(), file):
        pass


def duckdb(dsn: str, file: str) -> None:
    """The postgres extension, which reads tables by several connections, and DuckDB's own join and writer."""
    import duckdb as duck
    from duckdb_extensions import import_extension

    import_extension("postgres_scanner")
    with duck.connect() as connection:
        connection.execute("load postgres_scanner")
        connection.execute(f"attach '{dsn}' as audited (type postgres, read_only)")
        connection.execute("use audited.public")
        connection.execute(f"copy ({QUERY}) to '{file}' (format parquet, compression zstd, compression_level 1)")


def adbc(dsn: str, file: str) -> None:
    """COPY BINARY decoded in C into a stream of record batches."""
    import pyarrow.parquet as pq
    from adbc_driver_postgresql import dbapi

    with dbapi.connect(dsn) as connection, connection.cursor() as cursor:
        cursor.execute(QUERY)
        batches = cursor.fetch_record_batch()
        with pq.ParquetWriter(file, batches.schema, compression="zstd", compression_level=1) as writer:
            for batch in batches:
                writer.write_batch(batch)


def connectorx(dsn: str, file: str) -> None:
    """COPY BINARY by two connections on ranges of a number, as a stream of record batches."""
    import connectorx as cx
    import pyarrow.parquet as pq

    batches = cx.read_sql(
        dsn, QUERY, partition_on="txid", partition_num=2, return_type="arrow_stream", batch_size=65_536
    )
    with pq.ParquetWriter(file, batches.schema, compression="zstd", compression_level=1) as writer:
        for batch in batches:
            writer.write_batch(batch)


def polars(dsn: str, file: str) -> None:
    """The engine that its manual calls the faster one for PostgreSQL; it holds the whole result in memory."""
    import polars as pl

    frame = pl.read_database_uri(QUERY, dsn, engine="adbc")
    frame.write_parquet(file, compression="zstd", compression_level=1)


def pandas(dsn: str, file: str) -> None:
    """Chunks of read_sql over a server-side cursor."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq
    from sqlalchemy import create_engine

    engine = create_engine(dsn.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect().execution_options(stream_results=True) as connection:
        chunks = pd.read_sql(QUERY.replace("%", "%%"), connection, chunksize=_CHUNK)
        texts = (chunk.astype({name: str for name in chunk.columns if chunk[name].dtype == object}) for chunk in chunks)
        first = next(texts)
        schema = pa.Schema.from_pandas(first, preserve_index=False)
        with pq.ParquetWriter(file, schema, compression="zstd", compression_level=1) as writer:
            for chunk in chain([first], texts):
                writer.write_table(pa.Table.from_pandas(chunk, schema=schema, preserve_index=False))
    engine.dispose()


PEERS: dict[str, Callable[[str, str], None]] = {
    peer.__name__: peer for peer in (ours, duckdb, adbc, connectorx, polars, pandas)
}


def peak() -> float | None:
    """This process' peak of resident memory in MB; None where /proc does not tell it."""
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    return next(int(line.split()[1]) / 1024 for line in status.read_text().splitlines() if line.startswith("VmHWM"))


if __name__ == "__main__":
    for line in sys.stdin:
        PEERS[sys.argv[1]](*json.loads(line))
        print(json.dumps(peak()), flush=True)
