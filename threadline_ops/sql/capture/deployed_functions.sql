-- Capture's functions as they are, in every respect that matters for what they record and who may call them.
select
    p.proname::text,
    p.prosrc,
    pg_catalog.pg_get_function_arguments(p.oid),
    pg_catalog.pg_get_function_result(p.oid),
    case p.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end,
    p.prosecdef,
    coalesce(p.proconfig, '{{}}'),
    exists (
        select
        from pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) as a
        where a.grantee = 0 and a.privilege_type = 'EXECUTE'
    ),
    pg_catalog.pg_get_userbyid(p.proowner)::text
from pg_catalog.pg_proc as p
join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
where n.nspname = %(schema)s and p.proname like 'threadline\_%%'
order by 1
