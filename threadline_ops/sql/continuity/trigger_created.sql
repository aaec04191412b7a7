-- When the capture trigger's catalog row was last written, if the server keeps commit times at all. The two
-- transactions that freezing leaves behind have none.
select min(pg_xact_commit_timestamp(t.xmin))
from pg_catalog.pg_trigger as t
join pg_catalog.pg_proc as p on p.oid = t.tgfoid
where t.tgrelid = %(oid)s::oid
    and not t.tgisinternal
    and p.proname like 'threadline\_capture\_changes%%'
    and t.xmin::text::bigint > 2
    and current_setting('track_commit_timestamp') = 'on'
