-- TRUNCATE fires no row triggers. Arguments: the mode, and as JSON the name and key to record.
-- rows: every row gets its delete, as DELETE would have given it; marker: one delete with an empty key.
declare
    v_spec constant jsonb := tg_argv[1]::jsonb;
    v_name constant text := format('%I.%I', v_spec ->> 'schema', v_spec ->> 'table');
    v_txid constant bigint := txid_current();
    v_transaction uuid;
    v_leaf regclass;
begin
    if tg_argv[0] = 'refuse' then
        raise exception 'TRUNCATE of the captured table % is refused', v_name using
            errcode = 'restrict_violation',
            hint = 'Use DELETE, or set truncate to "rows" or "marker" in the capture settings.';
    end if;
    select t.id into v_transaction
    from {audit}.audit_transactions as t
    where t.txid = v_txid and t.occurred_at >= now();
    if v_transaction is null then
        v_transaction := {audit}.threadline_capture_transaction(v_txid);
    end if;
    update {audit}.audit_transactions
    set meta = coalesce(meta, '{{}}')
        || jsonb_build_object('truncated', coalesce(meta -> 'truncated', '[]') || to_jsonb(v_name))
    where id = v_transaction;
    if tg_argv[0] = 'marker' then
        insert into {audit}.audit_changes (
            transaction_id, table_schema, table_name, table_pk, op, captured_at
        ) values (
            v_transaction, v_spec ->> 'schema', v_spec ->> 'table', '{{}}', 'delete', clock_timestamp()
        );
        return null;
    end if;
    -- The root of a partitioned table answers for partitions without a trigger of their own, such as new ones.
    for v_leaf in
        select tg_relid
        union
        select p.relid
        from pg_partition_tree(tg_relid) as p
        where p.isleaf and not exists (
            select from pg_trigger as leaf
            join pg_trigger as own on own.tgfoid = leaf.tgfoid
            where leaf.tgrelid = p.relid and own.tgrelid = tg_relid and own.tgname = tg_name
        )
    loop
        execute format(
            'insert into %1$I.audit_changes '
            '(transaction_id, table_schema, table_name, table_pk, op, captured_at) '
            'select $1, $2, $3, ('
            '    select jsonb_object_agg(k.name, case when $5 then j.row -> k.name else to_jsonb(j.row ->> k.name) end)'
            '    from unnest($4) as k (name)'
            '), ''delete'', clock_timestamp() '
            -- A plain alias for the row could be a column's name too.
            'from only %2$s as "threadline row" cross join lateral (select to_jsonb("threadline row") as row) as j',
            {audit_name}, v_leaf
        ) using
            v_transaction, v_spec ->> 'schema', v_spec ->> 'table',
            array(select jsonb_array_elements_text(v_spec -> 'key')), (v_spec ->> 'typed')::boolean;
    end loop;
    return null;
end
