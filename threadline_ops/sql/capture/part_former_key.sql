-- A changed key must not strand the old identity without an end.
    if tg_op = 'UPDATE' and {former} <> v_key then
        v_from := coalesce(v_from, '{{}}') || {values};
        perform {audit}.threadline_capture_former_key(
            v_transaction, coalesce(tg_argv[0], tg_table_schema), coalesce(tg_argv[1], tg_table_name),
            tg_relid, {former}, {values}
        );
    end if;
