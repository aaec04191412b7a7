-- The same history in partitions of thirty days, one of whose bounds is the cutoff.
do $$
declare
    from_time timestamptz;
begin
    alter table audit_changes rename to plain;
    create table audit_changes (
        like plain including defaults, foreign key (transaction_id) references audit_transactions (id) on delete cascade
    ) partition by range (captured_at);
    create index on audit_changes (captured_at);
    create index on audit_changes (transaction_id);
    create index on audit_changes (table_name);
    for from_time in select generate_series('{start}'::timestamptz, '{end}'::timestamptz, interval '30 days') loop
        execute format(
            'create table %I partition of audit_changes (primary key (id)) for values from (%L) to (%L)',
            'changes_' || to_char(from_time at time zone 'UTC', 'YYYYMMDD'), from_time, from_time + interval '30 days'
        );
    end loop;
    insert into audit_changes select * from plain;
    drop table plain;
end
$$
