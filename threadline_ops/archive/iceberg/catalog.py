"""The catalog that knows the Iceberg table, and the table itself."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.transforms import DayTransform
from pyiceberg.types import IcebergType, ListType, LongType, NestedField, StringType, TimestamptzType, UUIDType
from sqlalchemy.exc import SQLAlchemyError

from threadline_ops.archive.schema import SCHEMA
from threadline_ops.archive.store import Files
from threadline_ops.errors import ArchiveError, SettingsError
from threadline_ops.settings import Settings

#: Below the archive: the table's own metadata, and by default the catalog.
FOLDER = "iceberg"
#: Says whose table it is, so that two archives in one catalog cannot take each other's.
OWNER = "threadline-ops.archive"
_PROPERTIES = {
    # Only columns that every file has statistics of; others would be asked for in vain.
    "write.metadata.metrics.default": "none",
    "write.metadata.metrics.column.captured_at": "full",
    "write.metadata.metrics.column.table_name": "full",
    "write.metadata.metrics.column.table_schema": "full",
    # A version of the metadata comes with every run.
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "10",
}


@contextmanager
def opened(settings: Settings, files: Files) -> Generator[Table]:
    """The archive's table, made if it is not there.

    Raises:
        SettingsError: the catalog is not named, or cannot be.
        ArchiveError: the catalog or the table's metadata cannot be reached, or the table is somebody else's.
    """
    with _translated(), closing(_catalog(settings, files)) as catalog:
        yield _owned(_loaded(catalog, settings, files), settings, files)


def _loaded(catalog: SqlCatalog, settings: Settings, files: Files) -> Table:
    name = settings.archive.iceberg_table
    try:
        return catalog.load_table(name)
    except NoSuchTableError:
        catalog.create_namespace_if_not_exists(name.rpartition(".")[0])
        return catalog.create_table(
            name,
            _schema(),
            location=f"{files.uri}/{FOLDER}",
            partition_spec=PartitionSpec(
                PartitionField(_number("captured_at"), 1000, DayTransform(), "captured_day")
            ),
            properties=_PROPERTIES | {OWNER: files.uri},
        )  # fmt: skip


def _owned(table: Table, settings: Settings, files: Files) -> Table:
    if table.properties.get(OWNER) != files.uri:
        raise ArchiveError(
            "the Iceberg table is not this archive's",
            got=settings.archive.iceberg_table,
            fix="name another one in archive.iceberg_table, or drop it from the catalog if the archive was moved",
        )
    return table


def _catalog(settings: Settings, files: Files) -> SqlCatalog:
    if settings.iceberg_catalog is not None:
        uri = settings.iceberg_catalog.get_secret_value()
        for scheme in ("postgresql://", "postgres://"):
            if uri.startswith(scheme):  # SQLAlchemy would look for another driver than ours
                uri = "postgresql+psycopg://" + uri.removeprefix(scheme)
    elif files.local:
        place = Path(files.path(FOLDER))
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        uri = f"sqlite:///{place / 'catalog.db'}"
    else:
        raise SettingsError(
            "an archive in an object store needs a catalog that its readers reach",
            fix="set THREADLINE_OPS_ICEBERG_CATALOG, such as postgresql://user:password@host/database",
        )
    return SqlCatalog("threadline_ops", uri=uri, **_store(files))


def _store(files: Files) -> dict[str, str]:
    """How pyiceberg reaches the store: as we do."""
    names = {"endpoint": "s3.endpoint", "region": "s3.region"}
    return {names[option]: value for option, value in files.s3_options.items()}


def _schema() -> Schema:
    fields = [
        NestedField(number, field.name, _type(field.type), required=not field.nullable)
        for number, field in enumerate(SCHEMA, 1)
    ]
    return Schema(*fields)


def _type(kind: pa.DataType) -> IcebergType:
    if pa.types.is_list(kind):
        return ListType(len(SCHEMA) + 1, StringType(), element_required=False)
    if pa.types.is_timestamp(kind):
        return TimestamptzType()
    if isinstance(kind, pa.UuidType):
        return UUIDType()
    return LongType() if pa.types.is_int64(kind) else StringType()


def _number(name: str) -> int:
    return SCHEMA.get_field_index(name) + 1


@contextmanager
def _translated() -> Generator[None]:
    """Errors in our words, and only their kind: their text may quote the catalog's URI."""
    try:
        yield
    except (SQLAlchemyError, OSError, ValueError, pa.ArrowException) as error:
        raise ArchiveError(
            f"the Iceberg table cannot be reached: {type(error).__name__}",
            fix="check the catalog's and the store's state and access, then run threadline-ops archive write; "
            "the archive itself is whole",
        ) from None
