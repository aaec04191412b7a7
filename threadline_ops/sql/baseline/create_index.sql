-- Chunks are replaced as a whole, and rows looked for by their table.
create index if not exists baseline_rows_chunk_idx
on {operations}.baseline_rows (table_schema, table_name, version, chunk)
