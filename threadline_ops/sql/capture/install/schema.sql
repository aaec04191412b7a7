-- Asked first: even IF NOT EXISTS needs a right on the database that the owner of a ready-made schema lacks.
do $threadline_install$
begin
    if not exists (select from pg_catalog.pg_namespace where nspname = {audit_name}) then
        create schema {audit};
    end if;
end
$threadline_install$
