-- Two connection strings to one database agree in all of these, which any role may read; oids and start times
-- of two clusters hardly coincide.
select
    (select oid::bigint from pg_catalog.pg_database where datname = current_database()),
    current_database()::text,
    pg_postmaster_start_time()
