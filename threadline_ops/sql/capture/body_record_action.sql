-- What an application says it did, linked to the transaction at hand: the only way in for a role without
-- rights on the audit tables. The actor is the transaction's own unless the action names another.
declare
    v_txid constant bigint := txid_current();
    v_transaction uuid;
    v_actor jsonb := nullif(p_action -> 'actor_ref', 'null');
    v_id uuid;
begin
    select t.id into v_transaction
    from {audit}.audit_transactions as t
    where t.txid = v_txid and t.occurred_at >= now();
    if v_transaction is null then
        v_transaction := {audit}.threadline_capture_transaction(v_txid);
    end if;
    if v_actor is null then
        select t.actor_ref into v_actor from {audit}.audit_transactions as t where t.id = v_transaction;
    end if;
    if {audit}.threadline_actor_is_valid(v_actor) is not true then
        raise exception 'an action needs a valid actor' using
            errcode = 'invalid_parameter_value',
            hint = 'Set threadline.actor_ref in this transaction, or pass actor_ref with the action.';
    end if;
    insert into {audit}.audit_actions (
        name, actor_ref, status, verb, category, reason, comment, correlation_id, request_id, job_id
    ) values (
        p_action ->> 'name', v_actor, coalesce(p_action ->> 'status', 'ok'), p_action ->> 'verb',
        p_action ->> 'category', p_action ->> 'reason', p_action ->> 'comment',
        p_action ->> 'correlation_id', p_action ->> 'request_id', p_action ->> 'job_id'
    ) returning id into v_id;
    update {audit}.audit_transactions set action_id = v_id where id = v_transaction;
    return v_id;
end
