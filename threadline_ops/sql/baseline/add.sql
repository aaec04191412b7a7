-- The rows of one chunk.
insert into {operations}.baseline_rows (table_schema, table_name, version, chunk, read_at, row_data)
select %(table_schema)s, %(table_name)s, %(version)s, %(chunk)s, %(read_at)s, r::jsonb
from unnest(%(rows)s::text[]) as r
