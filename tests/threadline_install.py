"""Triggers of the shape that Threadline 0.2 installs, written from its documented behaviour for these tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import LiteralString, cast

from psycopg import sql

ACTOR = "nullif(current_setting('threadline.actor_ref', true), '')::jsonb"


def function(
    name: str,
    *,
    exclude: Sequence[str] = (),
    mask: Sequence[str] = (),
    placeholder: str = "[REDACTED]",
    except_columns: Sequence[str] = (),
    before_values: bool = False,
) -> sql.Composed:
    """A capture function: unpinned, with its caller's rights, and the key always `id` as text."""
    shown = sql.SQL("to_jsonb({}::text)").format(_text(placeholder))
    redaction = sql.SQL("").join(
        [
            *(sql.SQL("image := image - {};\n").format(_text(column)) for column in exclude),
            *([sql.SQL("image := image || jsonb_build_object({});\n").format(_pairs(mask, shown))] if mask else []),
        ]
    )
    former: sql.Composable = sql.SQL("to_jsonb(old) -> f.field")
    if mask:
        former = sql.SQL("case when f.field = any({}) then {} else {} end").format(_list(mask), shown, former)
    kept = sql.SQL(
        "if fields is null then earlier := null; else"
        " select jsonb_object_agg(f.field, {}) into earlier from unnest(fields) as f(field); end if;"
    ).format(former)
    return sql.SQL(
        """
        create or replace function {name}() returns trigger language plpgsql as $function$
        declare
            current_id bigint := txid_current();
            owner_id uuid; image jsonb; identity jsonb; fields text[]; earlier jsonb;
        begin
            -- One transaction row, whoever comes first.
            insert into audit_transactions (txid, actor_ref, occurred_at, id)
            values (current_id, {actor}, clock_timestamp(), gen_random_uuid())
            on conflict (txid) do nothing;
            select t.id into owner_id from audit_transactions as t where t.txid = current_id;
            if tg_op = 'INSERT' then
                identity := jsonb_build_object('id', to_jsonb(new) ->> 'id');
                image := to_jsonb(new);
                {redaction}
            elsif tg_op = 'UPDATE' then
                identity := jsonb_build_object('id', to_jsonb(new) ->> 'id');
                image := to_jsonb(new);
                {redaction}
                select array_agg(now_.key order by now_.key) into fields
                from jsonb_each(to_jsonb(new)) as now_ join jsonb_each(to_jsonb(old)) as was on now_.key = was.key
                where now_.value is distinct from was.value and not (now_.key = any({unseen}));
                {before}
            else
                identity := jsonb_build_object('id', to_jsonb(old) ->> 'id');
            end if;
            insert into audit_changes
                (transaction_id, table_schema, table_name, op, table_pk, data_after, changed_fields, changed_from,
                 captured_at)
            values
                (owner_id, tg_table_schema, tg_table_name, lower(tg_op), identity, image, fields, earlier,
                 clock_timestamp());
            if tg_op = 'DELETE' then
                return old;
            end if;
            return new;
        end;
        $function$
        """
    ).format(
        name=sql.Identifier(name),
        actor=sql.SQL(ACTOR),
        redaction=redaction,
        unseen=_list([*except_columns, *exclude]),
        before=kept if before_values else sql.SQL("earlier := null;"),
    )


def trigger(table: str, called: str = "threadline_capture_changes") -> sql.Composed:
    """The row trigger that calls a capture function."""
    return sql.SQL(
        "create trigger {} after insert or update or delete on {} for each row execute function {}()"
    ).format(sql.Identifier(f"threadline_audit_{table}"), sql.Identifier(table), sql.Identifier(called))


def _pairs(columns: Sequence[str], shown: sql.Composed) -> sql.Composed:
    return sql.SQL(", ").join(sql.SQL("{}, {}").format(_text(column), shown) for column in columns)


def _list(columns: Sequence[str]) -> sql.Composed:
    return sql.SQL("array[{}]::text[]").format(sql.SQL(", ").join(map(_text, columns)))


def _text(value: str) -> sql.SQL:
    """A literal as Threadline writes it, with only quotes doubled; psycopg would write E'' around a backslash."""
    return sql.SQL(cast(LiteralString, "'" + value.replace("'", "''") + "'"))
