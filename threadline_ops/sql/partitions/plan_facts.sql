-- Everything about the plain audit_changes that its partitioned successor must have, and what would stay with the old
-- table if it were only renamed: such objects are for people to move.
with t as (
    select c.oid, c.relowner, c.relacl, c.relkind
    from pg_catalog.pg_class as c
    where c.oid = format('%%I.audit_changes', %(audit)s::text)::regclass
)
select
    t.relkind = 'p',
    format('%%I', pg_get_userbyid(t.relowner)),
    array(
        select array[x.relname::text, pg_get_indexdef(i.indexrelid), (i.indisprimary or i.indisunique)::text]
        from pg_catalog.pg_index as i
        join pg_catalog.pg_class as x on x.oid = i.indexrelid
        where i.indrelid = t.oid and i.indisvalid
        order by x.relname
    ),
    array(
        select array[format('%%I', k.conname), pg_get_constraintdef(k.oid)]
        from pg_catalog.pg_constraint as k
        where k.conrelid = t.oid and k.contype in ('c', 'f')
        order by k.contype, k.conname
    ),
    array(
        select format(
            '%%s%%s to %%s%%s', g.privilege_type, g.columns,
            case when g.grantee = 0 then 'public' else format('%%I', pg_get_userbyid(g.grantee)) end,
            case when g.is_grantable then ' with grant option' else '' end
        )
        from (
            select privilege_type, grantee, is_grantable, '' as columns from aclexplode(t.relacl)
            where grantee <> t.relowner
            union all
            select e.privilege_type, e.grantee, e.is_grantable, format(' (%%I)', a.attname)
            from pg_catalog.pg_attribute as a, aclexplode(a.attacl) as e
            where a.attrelid = t.oid
        ) as g
        order by 1
    ),
    array(
        select distinct format('view %%s', r.ev_class::regclass)
        from pg_catalog.pg_depend as d
        join pg_catalog.pg_rewrite as r on r.oid = d.objid
        where d.classid = 'pg_rewrite'::regclass and d.refobjid = t.oid and r.ev_class <> t.oid
        union all
        select format('foreign key %%s of %%s', conname, conrelid::regclass)
        from pg_catalog.pg_constraint where confrelid = t.oid and contype = 'f'
        union all
        select format('policy %%s', polname) from pg_catalog.pg_policy where polrelid = t.oid
        union all
        select format('trigger %%s', tgname) from pg_catalog.pg_trigger where tgrelid = t.oid and not tgisinternal
        union all
        select format('publication %%s', p.pubname)
        from pg_catalog.pg_publication_rel as r
        join pg_catalog.pg_publication as p on p.oid = r.prpubid
        where r.prrelid = t.oid
    ),
    (now() at time zone 'UTC')::date,
    array(
        select array[
            n.nspname::text, c.relname::text,
            substring(pg_get_expr(c.relpartbound, c.oid) from 'FROM \(''([^'']+)''\)'),
            substring(pg_get_expr(c.relpartbound, c.oid) from 'TO \(''([^'']+)''\)')
        ]
        from pg_catalog.pg_inherits as i
        join pg_catalog.pg_class as c on c.oid = i.inhrelid
        join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        where i.inhparent = t.oid
    )
from t
