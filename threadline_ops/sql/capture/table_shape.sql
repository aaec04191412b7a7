-- What decides how a table is captured: its kind, columns, keys, and what capture will not see by itself.
-- The catalog is asked by name, never through search_path.
select
    c.relkind::text as kind,
    c.relispartition as is_partition,
    (
        select coalesce(array_agg(a.attname::text order by a.attnum), '{{}}')
        from pg_catalog.pg_attribute as a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    ) as columns,
    (
        -- The primary key, or else every unique index that could stand in for one, the replica identity first.
        select coalesce(jsonb_agg(candidate.columns order by candidate.rank, candidate.name), '[]')
        from (
            select
                case when i.indisprimary then 0 when i.indisreplident then 1 else 2 end as rank,
                x.relname as name,
                jsonb_agg(a.attname order by k.place) as columns
            from pg_catalog.pg_index as i
            join pg_catalog.pg_class as x on x.oid = i.indexrelid
            cross join unnest(i.indkey::smallint[]) with ordinality as k (attnum, place)
            left join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum = k.attnum
            where i.indrelid = c.oid and i.indisunique and (i.indimmediate or i.indisprimary) and i.indisvalid
                and i.indpred is null and k.place <= i.indnkeyatts
            group by i.indexrelid, i.indisprimary, i.indisreplident, x.relname
            having bool_and(a.attnotnull and k.attnum > 0)
        ) as candidate
    ) as keys,
    exists (
        select from pg_catalog.pg_index as i where i.indrelid = c.oid and i.indisprimary
    ) as has_primary_key,
    (
        select coalesce(jsonb_object_agg(made.name, made.sources), '{{}}')
        from (
            select g.attname as name, jsonb_agg(s.attname order by s.attnum) as sources
            from pg_catalog.pg_attrdef as d
            join pg_catalog.pg_attribute as g on g.attrelid = d.adrelid and g.attnum = d.adnum
            join pg_catalog.pg_depend as p
                on p.classid = 'pg_catalog.pg_attrdef'::regclass and p.objid = d.oid
                and p.refclassid = 'pg_catalog.pg_class'::regclass and p.refobjid = c.oid
            join pg_catalog.pg_attribute as s on s.attrelid = c.oid and s.attnum = p.refobjsubid
            where d.adrelid = c.oid and g.attgenerated <> '' and s.attnum <> g.attnum
            group by g.attname
        ) as made
    ) as generated,
    (
        select coalesce(jsonb_agg(jsonb_build_array(ln.nspname, l.relname) order by ln.nspname, l.relname), '[]')
        from pg_catalog.pg_partition_tree(c.oid) as t
        join pg_catalog.pg_class as l on l.oid = t.relid
        join pg_catalog.pg_namespace as ln on ln.oid = l.relnamespace
        where c.relkind = 'p' and t.isleaf and t.relid <> c.oid
    ) as leaves,
    (
        select coalesce(array_agg(t.tgname::text order by t.tgname), '{{}}')
        from pg_catalog.pg_trigger as t
        where t.tgrelid = c.oid and not t.tgisinternal and t.tgtype & 67 = 1
            and t.tgname < %(trigger)s::name and t.tgname not like 'threadline\_audit\_%%'
    ) as earlier_triggers,
    (
        select count(*)
        from pg_catalog.pg_inherits as h
        where h.inhparent = c.oid and c.relkind = 'r'
    ) as children,
    (
        select has_table_privilege(o.relowner, c.oid, 'select')
            and (not c.relrowsecurity or r.rolsuper or r.rolbypassrls
                or (c.relowner = o.relowner and not c.relforcerowsecurity))
        from pg_catalog.pg_class as o
        join pg_catalog.pg_namespace as n2 on n2.oid = o.relnamespace
        join pg_catalog.pg_roles as r on r.oid = o.relowner
        where n2.nspname = %(audit_schema)s and o.relname = 'audit_changes'
    ) as readable,
    pg_catalog.pg_get_userbyid(c.relowner)::text as owner
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where n.nspname = %(schema)s and c.relname = %(table)s and c.relkind in ('r', 'p')
