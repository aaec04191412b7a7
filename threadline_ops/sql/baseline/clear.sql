-- Chunks of a version from one on: what a killed run wrote and did not announce.
delete from {operations}.baseline_rows
where table_schema = %(table_schema)s and table_name = %(table_name)s and version = %(version)s and chunk >= %(chunk)s
