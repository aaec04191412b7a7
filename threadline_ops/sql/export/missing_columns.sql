-- An install that never ran the later migrations lacks some of these.
select array_agg(wanted.relation || '.' || wanted.attribute order by 1)
from (
    values
    ('audit_changes', 'changed_from'),
    ('audit_transactions', 'actor_ref'),
    ('audit_transactions', 'action_id'),
    ('audit_actions', 'correlation_id')
) as wanted (relation, attribute)
where not exists (
    select from pg_catalog.pg_attribute as f
    join pg_catalog.pg_class as r on r.oid = f.attrelid
    join pg_catalog.pg_namespace as n on n.oid = r.relnamespace
    where n.nspname = %(schema)s and r.relname = wanted.relation and f.attname = wanted.attribute
        and not f.attisdropped
)
