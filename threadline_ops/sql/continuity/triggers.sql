-- Capture triggers of a table with what makes them live: AFTER (no BEFORE or INSTEAD OF bit), per row, and the
-- three events; enabled for ordinary sessions; no WHEN and no column list, which would let writes past.
select
    t.tgenabled in ('O', 'A') as enabled,
    (t.tgtype & 1) = 1 and (t.tgtype & 66) = 0 as after_row,
    (t.tgtype & 4) = 4 as on_insert,
    (t.tgtype & 16) = 16 as on_update,
    (t.tgtype & 8) = 8 as on_delete,
    t.tgqual is null and t.tgattr::text = '' as unconditional
from pg_catalog.pg_trigger as t
join pg_catalog.pg_proc as p on p.oid = t.tgfoid
where t.tgrelid = %(oid)s::oid
    and not t.tgisinternal
    and (p.proname = 'threadline_capture_changes' or p.proname like 'threadline\_capture\_changes\_%%')
order by t.tgname
