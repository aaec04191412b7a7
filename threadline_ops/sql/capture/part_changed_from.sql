-- The old values come from the redacted row, so a masked column shows its placeholder here as well.
    if v_fields is not null then
        select jsonb_object_agg(f.name, v_old -> f.name) into v_from from unnest(v_fields) as f (name);
    end if;
