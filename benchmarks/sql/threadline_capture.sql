-- Threadline 0.2's default capture function, by what its documentation and source say it does for each row.
create or replace function threadline_capture_changes() returns trigger language plpgsql as $capture$
declare
    current_txid bigint;
    owner_id uuid;
    identity jsonb;
    image jsonb;
    fields text[];
begin
    current_txid := txid_current();
    insert into audit_transactions (id, txid, occurred_at, actor_ref)
    values (
        gen_random_uuid(), current_txid, clock_timestamp(),
        nullif(current_setting('threadline.actor_ref', true), '')::jsonb
    ) on conflict (txid) do nothing;
    select id into owner_id from audit_transactions where txid = current_txid;
    if tg_op = 'DELETE' then
        identity := jsonb_build_object('id', to_jsonb(old) ->> 'id');
    elsif tg_op = 'INSERT' then
        identity := jsonb_build_object('id', to_jsonb(new) ->> 'id');
        image := to_jsonb(new);
    else
        identity := jsonb_build_object('id', to_jsonb(new) ->> 'id');
        image := to_jsonb(new);
        select array_agg(n.key order by n.key) into fields
        from jsonb_each(to_jsonb(new)) as n
        join jsonb_each(to_jsonb(old)) as o on n.key = o.key
        where n.value is distinct from o.value;
    end if;
    insert into audit_changes (
        id, transaction_id, table_schema, table_name, table_pk, op, data_after, changed_fields, changed_from,
        captured_at
    ) values (
        gen_random_uuid(), owner_id, tg_table_schema, tg_table_name, identity, lower(tg_op), image, fields, null,
        clock_timestamp()
    );
    if tg_op = 'DELETE' then
        return old;
    end if;
    return new;
end;
$capture$
