"""Settings of a table held against the table: the key it gets, and what would leak or miss its mark."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field

from threadline_ops.capture.names import Table
from threadline_ops.errors import SettingsError
from threadline_ops.sections import CaptureTable


@dataclass(frozen=True)
class Shape:
    """What the catalog knows of a table, as far as capture depends on it.

    Attributes:
        keys: column lists that identify a row: the primary key alone, or without one every unique index over
            columns that are never null.
        generated: the columns that each generated column is made of.
        readable: whether the owner of the audit tables sees all of its rows.
    """

    table: Table
    columns: tuple[str, ...]
    keys: tuple[tuple[str, ...], ...]
    partitioned: bool = False
    leaves: tuple[Table, ...] = ()
    generated: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]], hash=False)
    readable: bool = True
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Key:
    """What table_pk records.

    Attributes:
        typed: values keep their JSON type; otherwise they are text, as Threadline records them.
        whole_row: there is no key, so a row is identified by all that it was.
    """

    columns: tuple[str, ...]
    typed: bool = False
    whole_row: bool = False


#: What Threadline's own function records, whatever the table's key is.
DEFAULT_KEY = Key(("id",))


def key_of(shape: Shape, settings: CaptureTable) -> Key:
    """The configured key, else the primary key, else a unique index that could be one, else the whole row."""
    redacted = {*settings.exclude, *settings.mask}
    candidates = (settings.key,) if settings.key else shape.keys
    for columns in candidates:
        if not redacted.intersection(columns):
            return Key(columns, typed=settings.typed_pk)
    return Key(harmless(shape, settings), typed=True, whole_row=True)


def harmless(shape: Shape, settings: CaptureTable) -> tuple[str, ...]:
    """The columns that are not redacted."""
    return tuple(c for c in shape.columns if c not in settings.exclude and c not in settings.mask)


def check(shape: Shape, settings: CaptureTable, *, has_primary_key: bool) -> None:
    """Refuse settings that name no column, or that would let a redacted value through.

    Raises:
        SettingsError: naming the table, the column and what to do.
    """
    for name in ("exclude", "mask", "except_columns", "key"):
        for column in getattr(settings, name):
            if column not in shape.columns:
                raise _unknown(shape, name, column)
    redacted = (*settings.exclude, *settings.mask)
    for column in redacted:
        if has_primary_key and column in shape.keys[0]:
            raise SettingsError(
                f"{shape.table}: a column of the primary key cannot be redacted, for table_pk would show it",
                got=column,
                fix='take it from exclude and mask, or name another identifying column in "key"',
            )
    for made, sources in shape.generated.items():
        for column in set(redacted).intersection(sources):
            if made not in redacted:
                raise SettingsError(
                    f"{shape.table}: generated column {made!r} would show what is redacted",
                    got=column,
                    fix=f"redact {made!r} as well",
                )
    if settings.truncate == "rows" and not shape.readable:
        raise SettingsError(
            f"{shape.table}: the owner of the audit tables cannot read every row, so TRUNCATE cannot be captured",
            fix='grant it SELECT (and BYPASSRLS if the table has policies), or set truncate to "marker"',
        )


def _unknown(shape: Shape, setting: str, column: str) -> SettingsError:
    near = difflib.get_close_matches(column, shape.columns, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return SettingsError(
        f"{shape.table} has no such column for {setting}",
        got=column,
        fix=f"{hint}its columns are {', '.join(shape.columns)}",
    )
