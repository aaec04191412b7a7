-- All that decides whether capture works, in one pass: joins and aggregates, never a lookup per table, so that
-- thousands of tables stay a matter of milliseconds. Everything is ordered: equal catalogs give equal text.
with inspected as materialized (
    select
        c.oid, n.nspname, c.relname, c.relkind, c.relpersistence, c.relispartition,
        c.relowner, c.relrowsecurity, c.relforcerowsecurity
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = any(%(schemas)s::text[]) and c.relkind in ('r', 'p')
        and not (
            n.nspname = %(audit_schema)s
            and c.relname in ('audit_transactions', 'audit_changes', 'audit_actions')
        )
),
columns as (
    select a.attrelid, json_agg(a.attname order by a.attnum) as names
    from inspected as i
    join pg_catalog.pg_attribute as a on a.attrelid = i.oid
    where a.attnum > 0 and not a.attisdropped
    group by a.attrelid
),
unique_columns as (
    select
        i.indrelid, i.indexrelid, i.indisprimary, i.indisreplident,
        json_agg(a.attname order by k.place) as names
    from inspected as t
    join pg_catalog.pg_index as i on i.indrelid = t.oid
    cross join unnest(i.indkey::smallint[]) with ordinality as k (attnum, place)
    left join pg_catalog.pg_attribute as a on a.attrelid = i.indrelid and a.attnum = k.attnum
    where i.indisunique and (i.indimmediate or i.indisprimary) and i.indisvalid and i.indpred is null
        and k.place <= i.indnkeyatts
    group by i.indexrelid
    having bool_and(a.attnotnull and k.attnum > 0)
),
keys as (
    -- As capture chooses: the primary key, or else every unique index that could stand in for one.
    select
        u.indrelid, bool_or(u.indisprimary) as has_primary,
        json_agg(
            u.names
            order by case when u.indisprimary then 0 when u.indisreplident then 1 else 2 end, x.relname
        ) as candidates
    from unique_columns as u
    join pg_catalog.pg_class as x on x.oid = u.indexrelid
    group by u.indrelid
),
made as (
    select g.attrelid, g.attname, json_agg(s.attname order by s.attnum) as sources
    from inspected as t
    join pg_catalog.pg_attribute as g on g.attrelid = t.oid and g.attgenerated <> ''
    join pg_catalog.pg_attrdef as d on d.adrelid = g.attrelid and d.adnum = g.attnum
    join pg_catalog.pg_depend as p
        on p.classid = 'pg_catalog.pg_attrdef'::regclass and p.objid = d.oid
        and p.refclassid = 'pg_catalog.pg_class'::regclass and p.refobjid = t.oid
    join pg_catalog.pg_attribute as s on s.attrelid = t.oid and s.attnum = p.refobjsubid
    where s.attnum <> g.attnum
    group by g.attrelid, g.attname
),
generated as (
    select m.attrelid, json_object_agg(m.attname, m.sources order by m.attname) as columns
    from made as m
    group by m.attrelid
),
leaves as (
    select i.oid, json_agg(json_build_array(n.nspname, l.relname) order by n.nspname, l.relname) as names
    from inspected as i
    cross join pg_catalog.pg_partition_tree(i.oid) as t
    join pg_catalog.pg_class as l on l.oid = t.relid
    join pg_catalog.pg_namespace as n on n.oid = l.relnamespace
    where i.relkind = 'p' and t.isleaf and t.relid <> i.oid
    group by i.oid
),
recorder as (
    select r.oid, r.rolsuper or r.rolbypassrls as sees_all
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    join pg_catalog.pg_roles as r on r.oid = c.relowner
    where n.nspname = %(audit_schema)s and c.relname = 'audit_changes'
),
capturing as materialized (
    select t.*, p.proname, p.pronamespace
    from inspected as i
    join pg_catalog.pg_trigger as t on t.tgrelid = i.oid
    join pg_catalog.pg_proc as p on p.oid = t.tgfoid
    where not t.tgisinternal
        and (t.tgname like 'threadline\_%%' or p.proname like 'threadline\_capture\_%%')
),
triggers as (
    select
        t.tgrelid,
        json_agg(
            json_build_array(
                t.tgname, t.tgtype, t.tgenabled, t.tgqual is not null, t.tgdeferrable, t.tgparentid <> 0,
                case when t.tgattr::text <> '' then (
                    select json_agg(a.attname order by a.attnum)
                    from pg_catalog.pg_attribute as a
                    where a.attrelid = t.tgrelid and a.attnum = any(t.tgattr::smallint[])
                ) end,
                encode(t.tgargs, 'hex'), t.tgfoid::bigint
            ) order by t.tgname
        ) as found
    from capturing as t
    group by t.tgrelid
),
parents as (
    select h.inhrelid, json_agg(h.inhparent::bigint order by h.inhparent) as oids
    from inspected as i
    join pg_catalog.pg_inherits as h on h.inhrelid = i.oid
    group by h.inhrelid
),
used as materialized (
    select
        p.oid, p.proname, p.pronamespace, p.proowner, p.prolang, p.prorettype, p.provolatile, p.prosecdef,
        p.proconfig, md5(p.prosrc) as digest,
        case when p.pronargs = 0 then '' else pg_catalog.pg_get_function_arguments(p.oid) end as arguments,
        has_function_privilege('public', p.oid, 'EXECUTE') as public_may_execute
    from pg_catalog.pg_proc as p
    join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
    where p.oid in (select c.tgfoid from capturing as c)
        or (n.nspname = %(audit_schema)s and p.proname like 'threadline\_%%')
),
writers as materialized (
    select r.oid
    from (select distinct u.proowner from used as u) as o
    join pg_catalog.pg_roles as r on r.oid = o.proowner
    where not exists (
        select
        from pg_catalog.pg_class as c
        join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        where n.nspname = %(audit_schema)s and c.relname in ('audit_transactions', 'audit_changes')
            and not has_table_privilege(r.oid, c.oid, 'INSERT')
    )
),
bodies as (
    -- Functions of many tables share few bodies: each is sent once.
    select json_object_agg(b.digest, p.prosrc order by b.digest) as found
    from (select u.digest, min(u.oid) as oid from used as u group by u.digest) as b
    join pg_catalog.pg_proc as p on p.oid = b.oid
),
functions as (
    -- And most are alike in all but their names.
    select json_agg(json_build_array(a.alike, a.named) order by a.first) as found
    from (
        select
            json_build_array(
                n.nspname, u.arguments, u.digest, l.lanname, pg_catalog.format_type(u.prorettype, null),
                u.provolatile, u.prosecdef, coalesce(to_json(u.proconfig), '[]'),
                pg_catalog.pg_get_userbyid(u.proowner), u.proowner = any(array(select w.oid from writers as w)),
                u.public_may_execute
            ) as alike,
            json_agg(json_build_array(u.oid::bigint, u.proname) order by u.proname, u.oid) as named,
            min(u.oid) as first
        from used as u
        join pg_catalog.pg_namespace as n on n.oid = u.pronamespace
        join pg_catalog.pg_language as l on l.oid = u.prolang
        group by
            n.nspname, u.arguments, u.digest, l.lanname, u.prorettype, u.provolatile, u.prosecdef, u.proconfig,
            u.proowner, u.public_may_execute
    ) as a
)
select
    (
        select coalesce(json_agg(
            json_build_array(
                i.oid::bigint, i.nspname, i.relname, i.relkind, i.relpersistence, i.relispartition, c.names,
                k.candidates, coalesce(k.has_primary, false), g.columns, l.names,
                has_table_privilege(r.oid, i.oid, 'SELECT') and (
                    not i.relrowsecurity or r.sees_all or (i.relowner = r.oid and not i.relforcerowsecurity)
                ),
                t.found, h.oids
            ) order by i.nspname, i.relname
        ), '[]')
        from inspected as i
        left join columns as c on c.attrelid = i.oid
        cross join recorder as r
        left join keys as k on k.indrelid = i.oid
        left join generated as g on g.attrelid = i.oid
        left join leaves as l on l.oid = i.oid
        left join triggers as t on t.tgrelid = i.oid
        left join parents as h on h.inhrelid = i.oid
    )::text,
    coalesce((select f.found from functions as f), '[]')::text,
    coalesce((select b.found from bodies as b), '{{}}')::text
