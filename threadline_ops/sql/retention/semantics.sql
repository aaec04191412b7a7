-- An install from before Threadline's later migrations knows neither actors nor actions.
select count(*) = 3
from pg_catalog.pg_attribute as a
join pg_catalog.pg_class as c on c.oid = a.attrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where n.nspname = %(schema)s
    and a.attnum > 0
    and not a.attisdropped
    and (c.relname, a.attname) in (
        ('audit_transactions', 'actor_ref'), ('audit_transactions', 'action_id'), ('audit_actions', 'correlation_id')
    )
