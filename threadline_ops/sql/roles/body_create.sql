-- No login and no password: who may act as this role is granted to people and services, one by one.
begin
    if not exists (select from pg_catalog.pg_roles where rolname = {role_name}) then
        create role {role} nologin;
    end if;
end
