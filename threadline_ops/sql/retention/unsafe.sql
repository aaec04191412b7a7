-- Everything about the database that makes a purge dangerous or hopeless, as (finding, detail); none is best.
with audit as (
    select c.oid, c.relname, c.relpersistence
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = %(schema)s and c.relname in ('audit_transactions', 'audit_changes')
)
select 'row_security' as finding, relname::text as detail from audit where row_security_active(oid)
union all
select 'unlogged', relname from audit where relpersistence <> 'p'
union all
select 'publication', format('%%s (%%s)', p.pubname, t.tablename)
from pg_catalog.pg_publication as p
join pg_catalog.pg_publication_tables as t on t.pubname = p.pubname
where p.pubdelete
    and t.schemaname = %(schema)s
    and t.tablename in (select relname from audit)
    and p.pubname <> all(%(allowed_publications)s)
union all
select 'foreign_key', format('%%s of %%s', k.conname, k.conrelid::regclass)
from pg_catalog.pg_constraint as k
join audit on audit.oid = k.confrelid
where k.contype = 'f'
    and k.conparentid = 0
    and k.conrelid not in (select oid from audit where relname = 'audit_changes')
union all
select 'trigger', format('%%s on %%s', g.tgname, audit.relname)
from pg_catalog.pg_trigger as g
join audit on audit.oid = g.tgrelid
where not g.tgisinternal and g.tgenabled <> 'D' and g.tgtype & 8 > 0
union all
select 'index', format('audit_changes.%%s', wanted.name)
from (values ('transaction_id'), ('captured_at')) as wanted (name)
join audit on audit.relname = 'audit_changes'
where not exists (
    select from pg_catalog.pg_index as i
    join pg_catalog.pg_attribute as a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
    where i.indrelid = audit.oid and i.indisvalid and i.indpred is null and a.attname = wanted.name
)
union all
select 'index', 'audit_changes.table_pk (for keep_current)'
from audit
where audit.relname = 'audit_changes'
    and %(keep_current)s
    and not exists (
        select from pg_catalog.pg_index as i
        join pg_catalog.pg_attribute as a on a.attrelid = i.indrelid and a.attnum = any(i.indkey)
        join pg_catalog.pg_class as x on x.oid = i.indexrelid
        join pg_catalog.pg_am as m on m.oid = x.relam
        where i.indrelid = audit.oid and i.indisvalid and a.attname = 'table_pk' and m.amname in ('btree', 'hash')
    )
union all
select 'track_counts', 'off' where current_setting('track_counts') = 'off'
