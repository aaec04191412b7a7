-- Captures one row change. Written by threadline-ops: change the settings and run it again instead of this.
declare
    v_txid constant bigint := txid_current();
    v_transaction uuid;
    v_old jsonb := to_jsonb(old);
    v_new jsonb := to_jsonb(new);
    v_key jsonb;
    v_fields text[];
    v_from jsonb;
begin
{skip_identical}    if tg_op = 'UPDATE' then
        select array_agg(n.key order by n.key collate "C") into v_fields
        from jsonb_each({compared}) as n
        where n.value is distinct from v_old -> n.key;
    end if;
{skip_unchanged}{redact}    v_key := {key};
{changed_from}
    select t.id into v_transaction
    from {audit}.audit_transactions as t
    where t.txid = v_txid and t.occurred_at >= now();
    if v_transaction is null then
        v_transaction := {audit}.threadline_capture_transaction(v_txid);
    end if;
{former_key}    insert into {audit}.audit_changes (
        transaction_id, table_schema, table_name, table_pk, op,
        data_after, changed_fields, changed_from, captured_at
    ) values (
        v_transaction, coalesce(tg_argv[0], tg_table_schema), coalesce(tg_argv[1], tg_table_name), v_key,
        lower(tg_op), v_new, v_fields, v_from, clock_timestamp()
    );
    return null;
end
