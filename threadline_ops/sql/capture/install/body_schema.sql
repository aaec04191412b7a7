-- Made only where it is missing.
begin
    if not exists (select from pg_catalog.pg_namespace where nspname = {audit_name}) then
        create schema {audit};
    end if;
end
