-- The rule, with each table's own window where it has one.
c.captured_at < coalesce(
    (
        select w.cutoff
        from jsonb_to_recordset(%(windows)s::jsonb) as w (table_schema text, table_name text, cutoff timestamptz)
        where w.table_schema = c.table_schema and w.table_name = c.table_name
    ),
    %(cutoff)s::timestamptz
)
