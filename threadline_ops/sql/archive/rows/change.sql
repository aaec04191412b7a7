-- A change as the bytes that its slice's digest covers; archive/content.py builds the same from Parquet. Fixed widths
-- first; then text in which chr(1) separates: JSON holds it only escaped, so nothing stands for null, and of the
-- two free names the first one's length is told.
uuid_send(c.id) || uuid_send(c.transaction_id) || timestamptz_send(c.captured_at) || convert_to(
    concat(
        octet_length(c.table_schema), chr(1), c.table_schema, c.table_name, chr(1), c.op, chr(1), c.table_pk, chr(1),
        c.data_after, chr(1), array_to_json(c.changed_fields), chr(1), c.changed_from
    ),
    'UTF8'
)
