-- One row for ever: its last change says who made it.
insert into {operations}.purge_control (paused, reason, batch_size, full_speed, changed_by)
values (%(paused)s, %(reason)s, %(batch_size)s, %(full_speed)s, session_user)
on conflict (only_row) do update
set paused = excluded.paused, reason = excluded.reason, batch_size = excluded.batch_size,
    full_speed = excluded.full_speed,
    changed_by = excluded.changed_by, changed_at = clock_timestamp()
