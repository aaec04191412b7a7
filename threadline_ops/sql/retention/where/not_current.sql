-- Keeps the newest change of every row that still lives, so that its state at any later time can be told. A
-- key that says nothing (NULL parts) cannot tell rows apart, so its changes stay.
(
    c.op = 'delete'
    or (
        not jsonb_path_exists(c.table_pk, '$.* ? (@ == null)')
        and exists (
            select from {audit}.audit_changes as newer
            where newer.table_schema = c.table_schema
                and newer.table_name = c.table_name
                and newer.table_pk = c.table_pk
                and (newer.captured_at, newer.id) > (c.captured_at, c.id)
        )
    )
)
