-- Everything about the database that makes a purge dangerous or hopeless, as (finding, detail); none is best. What
-- holds of the audit tables must hold of their partitions too.
with roots as (
    select c.oid, c.relname, c.relkind
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = %(schema)s
        and (
            c.relname in ('audit_transactions', 'audit_changes')
            or c.relname = 'audit_actions' and %(delete_actions)s
        )
),
audit as (
    select c.oid, c.relname, c.relpersistence, c.relkind, roots.relname as root, n.nspname
    from roots
    join pg_catalog.pg_class as c
        on c.oid = roots.oid or c.oid in (select relid from pg_partition_tree(roots.oid))
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
)
select 'row_security' as finding, relname::text as detail from audit where row_security_active(oid)
union all
select 'unlogged', relname from audit where relpersistence <> 'p' and relkind = 'r'
union all
select 'publication', format('%%s (%%s)', p.pubname, t.tablename)
from pg_catalog.pg_publication as p
join pg_catalog.pg_publication_tables as t on t.pubname = p.pubname
where p.pubdelete
    and (t.schemaname, t.tablename) in (select nspname, relname from audit)
    and p.pubname <> all(%(allowed_publications)s)
union all
select 'foreign_key', format('%%s of %%s', k.conname, k.conrelid::regclass)
from pg_catalog.pg_constraint as k
join audit on audit.oid = k.confrelid
where k.contype = 'f'
    and k.conparentid = 0
    and not exists (
        select from audit as own
        where own.oid = k.conrelid and (own.root, audit.root) in (
            ('audit_changes', 'audit_transactions'), ('audit_transactions', 'audit_actions')
        )
    )
union all
select 'trigger', format('%%s on %%s', g.tgname, audit.relname)
from pg_catalog.pg_trigger as g
join audit on audit.oid = g.tgrelid
where not g.tgisinternal and g.tgenabled <> 'D' and g.tgtype & 8 > 0
union all
select 'index', format('%%s.%%s', wanted.root, wanted.name)
from (
    values
        ('audit_changes', 'transaction_id', true), ('audit_changes', 'captured_at', true),
        ('audit_transactions', 'action_id', %(delete_actions)s), ('audit_actions', 'inserted_at', %(delete_actions)s)
) as wanted (root, name, needed)
join roots on roots.relname = wanted.root
where wanted.needed
    and not exists (
        select from pg_catalog.pg_index as i
        join pg_catalog.pg_attribute as a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
        where i.indrelid = roots.oid
            and i.indisvalid
            and a.attname = wanted.name
            and (i.indpred is null or pg_get_expr(i.indpred, i.indrelid) = format('(%%I IS NOT NULL)', wanted.name))
    )
union all
select 'index', 'audit_changes.table_pk (for keep_current)'
from roots
where roots.relname = 'audit_changes'
    and %(keep_current)s
    and not exists (
        select from pg_catalog.pg_index as i
        join pg_catalog.pg_attribute as a on a.attrelid = i.indrelid and a.attnum = any(i.indkey)
        join pg_catalog.pg_class as x on x.oid = i.indexrelid
        join pg_catalog.pg_am as m on m.oid = x.relam
        where i.indrelid = roots.oid and i.indisvalid and a.attname = 'table_pk' and m.amname in ('btree', 'hash')
    )
union all
select 'track_counts', 'off' where current_setting('track_counts') = 'off'
