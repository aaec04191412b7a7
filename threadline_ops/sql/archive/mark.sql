-- Transactions that are running at a moment. The moment was asked of the clock by a statement before this one, so this
-- snapshot is not older than it; whoever gets the id after these writes later, and captures a later time.
insert into {operations}.archive_marks (system_identifier, day, at, below)
values (
    %(system_identifier)s, (%(at)s::timestamptz at time zone 'UTC')::date, %(at)s,
    pg_snapshot_xmax(pg_current_snapshot())::text::bigint
)
on conflict (system_identifier, day) do nothing
