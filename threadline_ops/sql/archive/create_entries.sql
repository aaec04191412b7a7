-- The archive's chain as this database knows it: a manifest that was edited, or a chain that was cut off, differs.
create table if not exists {operations}.archive_entries (
    sequence bigint primary key,
    sha256 text not null,
    day date not null,
    version integer not null,
    verified_at timestamptz,
    again text,
    recorded_at timestamptz not null default clock_timestamp()
)
