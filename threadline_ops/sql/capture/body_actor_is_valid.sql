-- Whether a value is an actor that every reader understands: a known type, with an id unless anonymous.
begin
    return coalesce(
        jsonb_typeof(p_actor) = 'object'
        and case p_actor ->> 'type'
            when 'anonymous' then jsonb_typeof(coalesce(p_actor -> 'id', 'null')) = 'null'
            else p_actor ->> 'type' in ('user', 'admin', 'service_account', 'job', 'system')
                and jsonb_typeof(p_actor -> 'type') = 'string'
                and jsonb_typeof(p_actor -> 'id') = 'string'
                and p_actor ->> 'id' <> ''
        end,
        false
    );
end
