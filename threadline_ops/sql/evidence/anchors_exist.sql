-- to_regclass would need the right to use the schema; the catalog needs none.
select exists (
    select from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = %(schema)s and c.relname = 'evidence_anchors' and c.relkind = 'r'
)
