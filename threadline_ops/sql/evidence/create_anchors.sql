-- One row a record, added once: the primary key keeps a place from being anchored twice with different hashes.
create table if not exists {operations}.evidence_anchors (
    store text not null,
    sequence bigint not null check (sequence > 0),
    sha256 text not null check (sha256 ~ '^[0-9a-f]{{64}}$'),
    run_id text not null,
    anchored_at timestamptz not null default clock_timestamp(),
    primary key (store, sequence)
)
