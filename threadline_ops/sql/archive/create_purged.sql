-- Slices that went, written by the transaction that deleted them: a crash can not put the two apart.
create table if not exists {operations}.archive_purged (
    manifest_sha256 text not null,
    slice integer not null,
    changes bigint not null,
    run_id text not null,
    deleted_at timestamptz not null default clock_timestamp(),
    primary key (manifest_sha256, slice)
)
