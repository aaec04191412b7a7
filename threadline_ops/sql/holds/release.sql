-- Recorded, never deleted; releasing twice changes nothing.
update {operations}.holds
set released_at = clock_timestamp(), release_reason = %(reason)s,
    released_by = coalesce(%(by)s || ' as ', '') || session_user
where id = %(id)s and released_at is null
