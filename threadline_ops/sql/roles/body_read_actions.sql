-- The catalog is asked: to_regclass would need the right to use the schema.
begin
    if exists (
        select from pg_catalog.pg_class as c
        join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        where n.nspname = {audit_name} and c.relname = 'audit_actions'
    ) then
        grant select on {audit}.audit_actions to {role};
    end if;
end
