"""SQL statements, one a file, each opening with why it is written the way it is.

What several statements say alike stands in a file of its own, which they include by name: `{export/where/matching}`.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache
from importlib.resources import files
from typing import LiteralString, cast

from psycopg import sql

#: A slot that names a file, as no identifier's slot does.
_INCLUDED = re.compile(r"\{(\w+(?:/\w+)+)\}")


@cache
def source(name: str) -> str:
    """The text of `threadline_ops/sql/<name>.sql`, with the files that it includes."""
    text = files(__name__).joinpath(f"{name}.sql").read_text(encoding="utf-8")
    return _INCLUDED.sub(lambda found: _fragment(found[1]), text)


def _fragment(name: str) -> str:
    """A file without the lines that say why: they stand in the file, not in each statement."""
    return "".join(line for line in source(name).splitlines(keepends=True) if not line.startswith("--")).rstrip()


def template(name: str) -> sql.SQL:
    """A file's text as SQL whose `{slots}` the caller fills with its own composed parts."""
    # The package's own files are as trusted as literals in the code; nothing else passes through here.
    return sql.SQL(cast("LiteralString", source(name)))


def statement(name: str, **identifiers: str) -> sql.Composed:
    """A statement with its `{identifiers}` quoted; values stay `%(named)s` parameters.

    Args:
        name: file below this package without its ending, such as `retention/delete_slice`.
        identifiers: one PostgreSQL identifier for each `{name}` in the file.
    """
    quoted = beside_parameters if takes_parameters(name) else sql.Identifier
    return template(name).format(**{key: quoted(value) for key, value in identifiers.items()})


def beside_parameters(name: str) -> sql.Identifier:
    """An identifier in a statement that has parameters: there psycopg reads a percent sign even within quotes."""
    return sql.Identifier(name.replace("%", "%%"))


def takes_parameters(name: str) -> bool:
    """Whether a statement is executed with parameters, so that psycopg reads every percent sign in it."""
    return "%(" in source(name) or "%%" in source(name)


def digest(name: str) -> str:
    """SHA-256 of a statement with what it includes, so that evidence can say exactly which SQL ran."""
    return hashlib.sha256(source(name).encode()).hexdigest()


def quoted_type(name: str) -> sql.SQL:
    """A type as the server's format_type() spells it: quoted by the server, never by a person."""
    return sql.SQL(cast("LiteralString", name))
