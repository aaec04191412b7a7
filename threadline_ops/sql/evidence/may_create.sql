-- The anchor table is made on first use, but only by a role that may; nobody is granted anything.
select
    pg_is_in_recovery(),
    exists (select from pg_catalog.pg_namespace as n where n.nspname = %(schema)s),
    coalesce(
        (
            select has_schema_privilege(n.oid, 'CREATE')
            from pg_catalog.pg_namespace as n
            where n.nspname = %(schema)s
        ),
        has_database_privilege(current_database(), 'CREATE')
    )
