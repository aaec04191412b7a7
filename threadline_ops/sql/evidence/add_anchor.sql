-- The hash that the place has from now on, which is an older one if somebody anchored it before. A row added by a
-- session that commits meanwhile is invisible to both halves; the caller then gets no hash, which it takes for a
-- conflict: a place has one writer.
with added as (
    insert into {operations}.evidence_anchors (store, sequence, sha256, run_id)
    values (%(store)s, %(sequence)s, %(sha256)s, %(run_id)s)
    on conflict (store, sequence) do nothing
    returning sha256
),
known as (
    select sha256 from added
    union all
    select sha256 from {operations}.evidence_anchors where store = %(store)s and sequence = %(sequence)s
)
select (select sha256 from known limit 1)
