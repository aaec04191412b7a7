-- An action that no transaction links to can only be named by who, by correlation and by when.
not exists (
    select from {operations}.holds as h
    where h.released_at is null
        and (h.until is null or h.until > now())
        and h.table_name is null
        and (h.actor_ref is null or a.actor_ref @> h.actor_ref)
        and (h.correlation_id is null or a.correlation_id = h.correlation_id)
        and (h.from_time is null or a.inserted_at >= h.from_time)
        and (h.to_time is null or a.inserted_at <= h.to_time)
)
