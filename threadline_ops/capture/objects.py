"""Functions and triggers as values: what would be created, and what is deployed, in the same terms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import LiteralString, cast

from psycopg import sql

from threadline_ops.capture.names import Table
from threadline_ops.sql import template

#: Capture runs with its owner's rights, so every name is written with its schema and only pg_catalog is
#: searched: temp tables, and a public schema in which anyone may create functions, have no say. The rest
#: pins how values become JSON, which must not depend on who writes.
PINNED: tuple[tuple[str, str], ...] = (
    ("search_path", "pg_catalog, pg_temp"),
    ("TimeZone", "UTC"),
    ("DateStyle", "ISO, YMD"),
    ("IntervalStyle", "iso_8601"),
    ("bytea_output", "hex"),
    ("extra_float_digits", "1"),
)

#: Bits of pg_trigger.tgtype, from PostgreSQL's catalog/pg_trigger.h.
_ROW, _BEFORE, _INSERT, _DELETE, _UPDATE, _TRUNCATE, _INSTEAD = 1, 2, 4, 8, 16, 32, 64
ROW_TYPE = _ROW | _INSERT | _DELETE | _UPDATE
TRUNCATE_TYPE = _BEFORE | _TRUNCATE


@dataclass(frozen=True)
class Function:
    """A function in every respect that matters for capture; its owner is looked after at install."""

    schema: str
    name: str
    body: str
    arguments: str = ""
    returns: str = "trigger"
    volatility: str = "volatile"
    security_definer: bool = True
    settings: tuple[tuple[str, str], ...] = PINNED
    public_may_execute: bool = False

    @property
    def identity(self) -> dict[str, sql.Composable]:
        """The slots that name it in a statement."""
        return {"function": sql.Identifier(self.schema, self.name), "arguments": trusted(self.arguments)}

    def statements(self) -> list[sql.Composed]:
        """What creates it, or replaces an older one, and takes it from PUBLIC."""
        create = template("capture/function").format(
            **self.identity,
            returns=trusted(self.returns),
            volatility=trusted(self.volatility),
            security=trusted("security definer" if self.security_definer else "security invoker"),
            settings=sql.Composed([_setting(name, value) for name, value in self.settings]),
            body=_dollar_quoted(self.body),
        )
        if self.public_may_execute:
            return [create]
        return [create, template("capture/revoke_function").format(**self.identity)]

    def drop(self) -> list[sql.Composed]:
        """What removes it, unless a trigger still needs it."""
        return [template("capture/drop_function").format(**self.identity)]


@dataclass(frozen=True)
class Trigger:
    """A trigger in every respect that matters for capture."""

    table: Table
    name: str
    function_schema: str
    function: str
    arguments: tuple[str, ...] = ()
    type: int = ROW_TYPE
    fires: bool = True
    columns: tuple[str, ...] = ()
    condition: str | None = None

    @property
    def identity(self) -> dict[str, sql.Composable]:
        """The slots that name it in a statement."""
        return {
            "trigger": sql.Identifier(self.name),
            "schema": sql.Identifier(self.table.schema),
            "table": sql.Identifier(self.table.name),
        }

    def statements(self, *, anew: bool = False) -> list[sql.Composed]:
        """What creates it, or replaces an older one, and switches it on.

        Args:
            anew: there is none yet. A new trigger fires, and switching it on would need more than the right to
                create it: the table's ownership.
        """
        name = "capture/truncate_trigger" if self.type == TRUNCATE_TYPE else "capture/trigger"
        create = template(name).format(
            **self.identity,
            function=sql.Identifier(self.function_schema, self.function),
            arguments=sql.SQL(", ").join(map(sql.Literal, self.arguments)),
        )
        return [create] if anew else [create, template("capture/enable_trigger").format(**self.identity)]

    def drop(self) -> list[sql.Composed]:
        """What removes it."""
        return [template("capture/drop_trigger").format(**self.identity)]

    def described(self) -> str:
        """The trigger in words, for a diff: a deployed one may be of a kind that we would never create."""
        events = ((_INSERT, "insert"), (_UPDATE, "update"), (_DELETE, "delete"), (_TRUNCATE, "truncate"))
        timing = "before" if self.type & _BEFORE else "instead of" if self.type & _INSTEAD else "after"
        return "\n".join(
            (
                f"trigger {self.name} on {self.table}",
                f"{timing} {' or '.join(word for bit, word in events if self.type & bit)}",
                f"for each {'row' if self.type & _ROW else 'statement'}",
                *((f"of columns {', '.join(self.columns)}",) if self.columns else ()),
                *((f"when {self.condition}",) if self.condition else ()),
                f"executes {self.function_schema}.{self.function}({', '.join(self.arguments)})",
                "enabled" if self.fires else "disabled",
            )
        )


def script(statements: list[sql.Composed]) -> str:
    """Statements as the text of a migration."""
    return "".join(f"{statement.as_string(None).strip()};\n\n" for statement in statements)


def trusted(text: str) -> sql.SQL:
    """SQL made of this package's own words."""
    return sql.SQL(cast("LiteralString", text))


def _dollar_quoted(body: str) -> sql.SQL:
    """The body in dollar quotes, whose tag does not occur in it, however tables and columns are named."""
    tag = "threadline"
    while f"${tag}" in body:
        tag += "_"
    return trusted(f"${tag}$\n{body}\n${tag}$")


def _setting(name: str, value: str) -> sql.Composed:
    # A list of names: quoted as one literal it would be one name.
    shown = trusted(value) if name == "search_path" else sql.Literal(value)
    return sql.SQL("set {} = {}\n").format(trusted(name), shown)
