-- A transaction as the bytes that its slice's digest covers; archive/content.py builds the same from Parquet.
-- A null source is told from an empty one by the digit before it.
uuid_send(t.id) || int8send(t.txid) || timestamptz_send(t.occurred_at) || convert_to(
    concat(
        t.action_id, chr(1), t.actor_ref, chr(1), t.meta, chr(1), case when t.source is null then 0 else 1 end, t.source
    ),
    'UTF8'
)
