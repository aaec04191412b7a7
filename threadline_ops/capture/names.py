"""What things are called: tables in settings, and the triggers and functions of each table."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from threadline_ops.errors import SettingsError

#: NAMEDATALEN - 1: PostgreSQL cuts a longer name without an error, in bytes and between characters.
NAME_BYTES = 63

AUDIT_TABLES = ("audit_transactions", "audit_changes", "audit_actions")
DEFAULT_FUNCTION = "threadline_capture_changes"
TRUNCATE_FUNCTION = "threadline_capture_truncate"
ACTION_FUNCTION = "threadline_record_action"
TRIGGER_PREFIX = "threadline_audit_"
TRUNCATE_PREFIX = "threadline_truncate_"

_QUOTED = r'"((?:[^"]|"")+)"'
_PLAIN = r'([^".,]+)'
_NAME = re.compile(rf"(?:(?:{_QUOTED}|{_PLAIN})\.)?(?:{_QUOTED}|{_PLAIN})")


@dataclass(frozen=True, order=True)
class Table:
    """A table by its full name, as the catalog spells it."""

    schema: str
    name: str

    def __str__(self) -> str:
        return f"{_shown(self.schema)}.{_shown(self.name)}"


def parse(text: str, default_schema: str) -> Table:
    """A table from `name`, `schema.name`, or either part in double quotes when it holds a dot.

    Case is kept as written, because the catalog's is: no part is folded to lower case.

    Args:
        text: the name in a setting or a flag.
        default_schema: where a name without a schema lives.

    Raises:
        SettingsError: it is not one table's name.
    """
    match = _NAME.fullmatch(text.strip())
    if match is None:
        raise SettingsError(
            "this is not a table's name",
            got=text,
            fix='write schema.table, and a part that holds a dot in double quotes, as in "my.schema".orders',
        )
    schema_quoted, schema_plain, name_quoted, name_plain = match.groups()
    schema = _unquoted(schema_quoted) or schema_plain or default_schema
    return Table(schema, _unquoted(name_quoted) or name_plain)


def split(text: str) -> list[str]:
    """The names in a list separated by commas; a comma within double quotes belongs to a name."""
    return [name.strip() for name in re.findall(r'(?:"(?:[^"]|"")*"|[^,"])+', text) if name.strip()]


def function_name(table: Table, audit_schema: str) -> str:
    """The name of a table's own capture function, unique however PostgreSQL cuts it.

    A table of the audit schema keeps the plain name that Threadline gives it; one whose name is too long for
    that, or which lives in another schema, gets a hash of its full name at the end.
    """
    plain = f"{DEFAULT_FUNCTION}_{table.name}"
    if table.schema == audit_schema and len(plain.encode()) <= NAME_BYTES:
        return plain
    tail = "_" + hashlib.sha256(f"{table.schema}\0{table.name}".encode()).hexdigest()[:8]
    return cut(plain, NAME_BYTES - len(tail)) + tail


def trigger_name(table: Table) -> str:
    """The row trigger's name; names of triggers are per table, so a cut one cannot collide."""
    return cut(TRIGGER_PREFIX + table.name, NAME_BYTES)


def truncate_trigger_name(table: Table) -> str:
    """The statement trigger's name, which Threadline's own check must not mistake for the row trigger."""
    return cut(TRUNCATE_PREFIX + table.name, NAME_BYTES)


def cut(name: str, size: int) -> str:
    """The first `size` bytes of a name, less any character that would be cut in two, as PostgreSQL does."""
    return name.encode()[:size].decode(errors="ignore")


def _unquoted(text: str | None) -> str | None:
    return None if text is None else text.replace('""', '"')


def _shown(part: str) -> str:
    return part if re.fullmatch(r'[^",.]+', part) else '"' + part.replace('"', '""') + '"'
