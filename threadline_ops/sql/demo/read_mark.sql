-- The comment is in a catalog that all databases share: it is read before connecting to the one in question.
select shobj_description(d.oid, 'pg_database')
from pg_catalog.pg_database as d
where d.datname = %(name)s
