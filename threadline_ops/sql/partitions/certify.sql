-- What the certificate says of a partition that is dropped: the same counts and sums of hashes as of a batch.
with by_table as (
    select
        table_schema, table_name, count(*) as changes,
        min(captured_at)::text as oldest, max(captured_at)::text as newest,
        sum(uuid_hash_extended(id, 0))::text as low, sum(uuid_hash_extended(id, 1))::text as high
    from {schema}.{table}
    group by table_schema, table_name
)
select coalesce(json_agg(by_table), '[]') from by_table
