-- A slot whose consumer is away keeps WAL until the disk is full, and then nothing is captured any more.
select s.slot_name::text, s.active, pg_wal_lsn_diff(
    case when pg_is_in_recovery() then pg_last_wal_receive_lsn() else pg_current_wal_lsn() end, s.restart_lsn
)::bigint
from pg_catalog.pg_replication_slots as s
where s.restart_lsn is not null
order by 1
