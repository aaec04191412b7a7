-- Sessions in the replica role fire no ordinary trigger: one forgotten ALTER ROLE and a whole application goes
-- uncaptured. Looked for on every role and on this database, and as the server's own default.
select coalesce(array_agg(found.place order by found.place), '{{}}')
from (
    select format(
        '%%s%%s',
        case when s.setrole = 0 then 'every role' else format('role %%I', pg_catalog.pg_get_userbyid(s.setrole)) end,
        case when s.setdatabase = 0 then '' else format(' in database %%I', current_database()) end
    ) as place
    from pg_catalog.pg_db_role_setting as s
    cross join unnest(s.setconfig) as c (setting)
    where s.setdatabase in (0, (select d.oid from pg_catalog.pg_database as d where d.datname = current_database()))
        and c.setting ~* '^session_replication_role=' and c.setting !~* '=origin$'
    union all
    select 'the server''s configuration'
    from pg_catalog.pg_settings as g
    where g.name = 'session_replication_role' and g.reset_val <> 'origin'
        and g.source in ('configuration file', 'command line')
) as found
