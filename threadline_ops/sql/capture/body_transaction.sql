-- The audit transaction of the transaction at hand, created at its first captured change. Runs once per
-- transaction, so everything slow or fallible about the actor is dealt with here.
declare
    v_id uuid;
    v_raw text := nullif(current_setting('threadline.actor_ref', true), '');
    v_actor jsonb;
    v_meta jsonb;
begin
    if v_raw is not null then
        -- A malformed actor must not abort the business write: the text is kept, bounded, in meta.
        begin
            v_actor := v_raw::jsonb;
        exception when others then
            v_actor := null;
        end;
        if {audit}.threadline_actor_is_valid(v_actor) is not true then
            v_actor := null;
            v_meta := jsonb_build_object('malformed_actor_ref', left(v_raw, 1000));
        end if;
    end if;
    -- Never before now(): the clock may be set back, and now() is how later rows tell this transaction's own
    -- row from one that an earlier life of the cluster left under the same id.
    insert into {audit}.audit_transactions (txid, occurred_at, actor_ref, meta)
    values (p_txid, greatest(clock_timestamp(), now()), v_actor, v_meta)
    on conflict (txid) do nothing
    returning id into v_id;
    if v_id is null then
        -- Transaction ids start again after a dump and restore. The row found would lend its actor to this
        -- transaction; it gives up the id instead, and says so.
        update {audit}.audit_transactions
        set txid = -('x' || left(replace(id::text, '-', ''), 15))::bit(60)::bigint,
            meta = coalesce(meta, '{{}}') || jsonb_build_object('txid_before_restart', txid)
        where txid = p_txid;
        insert into {audit}.audit_transactions (txid, occurred_at, actor_ref, meta)
        values (p_txid, greatest(clock_timestamp(), now()), v_actor, v_meta)
        returning id into v_id;
    end if;
    return v_id;
end
