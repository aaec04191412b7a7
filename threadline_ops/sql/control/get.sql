-- No row means that nothing was ever changed.
select paused, reason, batch_size, full_speed, changed_by, changed_at from {operations}.purge_control
