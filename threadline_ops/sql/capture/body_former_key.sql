-- An update that changed the key: the old identity ends here with a delete of its own, unless another row has
-- taken it over within the statement (update t set id = id + 1), whose own change then continues it.
declare
    v_taken boolean;
    v_match text;
begin
    select string_agg(format('t.%1$I = o.%1$I', k.name), ' and ') into v_match
    from jsonb_object_keys(p_values) as k (name);
    begin
        execute format(
            'select exists (select from %1$s as t, jsonb_populate_record(null::%1$s, $1) as o where %2$s)',
            p_relation, v_match
        ) into v_taken using p_values;
    exception when others then
        -- Not readable for the owner of the audit tables, or a type without an equality we may use.
        v_taken := false;
    end;
    if not v_taken then
        insert into {audit}.audit_changes (
            transaction_id, table_schema, table_name, table_pk, op, captured_at
        ) values (p_transaction, p_schema, p_table, p_former, 'delete', clock_timestamp());
    end if;
end
