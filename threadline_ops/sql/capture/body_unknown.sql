-- A row whose redacted columns cannot all be found: columns known to be harmless stay, all others are masked.
begin
    return (
        select coalesce(
            jsonb_object_agg(
                c.key, case when c.key = any (p_known) then c.value else to_jsonb(p_placeholder) end
            ),
            '{{}}'
        )
        from jsonb_each(p_row) as c
        where c.key <> all (p_exclude)
    );
end
