-- A row without a key is identified by what it was; there may be more columns than a call takes arguments.
(
        select jsonb_object_agg(k.name, coalesce(v_old, v_new) -> k.name) from unnest({columns}::text[]) as k (name)
    )
