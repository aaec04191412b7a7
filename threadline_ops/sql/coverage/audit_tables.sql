-- What can keep the audit tables themselves from holding what capture gives them: their columns, indexes,
-- constraints, triggers, rules, policies and publications, and who else may write them.
select coalesce(json_agg(
    json_build_object(
        'name', c.relname,
        'owner', pg_catalog.pg_get_userbyid(c.relowner),
        'persistence', c.relpersistence,
        'row_security', c.relrowsecurity,
        'options', coalesce(to_json(c.reloptions), '[]'),
        'columns', (
            select json_object_agg(
                a.attname,
                pg_catalog.format_type(a.atttypid, a.atttypmod) || case when a.attnotnull then ' not null' else '' end
                order by a.attname
            )
            from pg_catalog.pg_attribute as a
            where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        ),
        'indexes', (
            select coalesce(json_agg(
                json_build_object(
                    'name', x.relname, 'method', m.amname, 'unique', i.indisunique,
                    'valid', i.indisvalid and i.indisready,
                    'partial', i.indpred is not null,
                    'included', i.indnatts > i.indnkeyatts,
                    'columns', (
                        select json_agg(pg_catalog.pg_get_indexdef(i.indexrelid, k, true) order by k)
                        from generate_series(1, i.indnkeyatts) as k
                    ),
                    'options', array_to_json(i.indoption::smallint[]),
                    'classes', array_to_json(i.indclass::oid[]),
                    'constraint', exists (
                        select from pg_catalog.pg_constraint as o where o.conindid = i.indexrelid
                    )
                ) order by x.relname
            ), '[]')
            from pg_catalog.pg_index as i
            join pg_catalog.pg_class as x on x.oid = i.indexrelid
            join pg_catalog.pg_am as m on m.oid = x.relam
            where i.indrelid = c.oid
        ),
        'constraints', (
            select coalesce(json_agg(
                json_build_object(
                    'type', o.contype, 'valid', o.convalidated, 'definition', pg_catalog.pg_get_constraintdef(o.oid)
                ) order by o.conname
            ), '[]')
            from pg_catalog.pg_constraint as o
            where o.conrelid = c.oid and o.contype <> 'n'
        ),
        'triggers', (
            select coalesce(json_agg(t.tgname order by t.tgname), '[]')
            from pg_catalog.pg_trigger as t
            where t.tgrelid = c.oid and not t.tgisinternal
        ),
        'disabled', (
            select coalesce(json_agg(o.conname order by o.conname), '[]')
            from pg_catalog.pg_trigger as t
            join pg_catalog.pg_constraint as o on o.oid = t.tgconstraint
            where t.tgrelid = c.oid and t.tgisinternal and t.tgenabled = 'D'
        ),
        'rules', (
            select coalesce(json_agg(r.rulename order by r.rulename), '[]')
            from pg_catalog.pg_rewrite as r
            where r.ev_class = c.oid
        ),
        'publications', (
            select coalesce(json_agg(p.pubname order by p.pubname), '[]')
            from pg_catalog.pg_publication_tables as m
            join pg_catalog.pg_publication as p on p.pubname = m.pubname
            where m.schemaname = n.nspname and m.tablename = c.relname and (p.pubdelete or p.pubtruncate)
        ),
        'writers', (
            select coalesce(json_agg(w.role order by w.role), '[]')
            from (
                select 'PUBLIC' as role, 'public' as name, false as login, false as trusted
                union all
                select r.rolname, r.rolname, true, r.rolname = any(%(trusted)s::text[])
                from pg_catalog.pg_roles as r
                where r.rolcanlogin and not r.rolsuper
            ) as w
            where not w.trusted and (
                has_any_column_privilege(w.name, c.oid, 'INSERT') or has_any_column_privilege(w.name, c.oid, 'UPDATE')
                or has_table_privilege(w.name, c.oid, 'DELETE') or has_table_privilege(w.name, c.oid, 'TRUNCATE')
            )
        )
    ) order by c.relname
), '[]')::text
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where n.nspname = %(audit_schema)s and c.relkind in ('r', 'p')
    and c.relname in ('audit_transactions', 'audit_changes', 'audit_actions')
