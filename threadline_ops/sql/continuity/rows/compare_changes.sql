-- Live rows against the rows that changes recorded. The captured JSON is read into a row that begins as the live
-- one: a column it does not speak of (added later, redacted) agrees by construction, and every other is compared
-- as its type. Rows whose JSON is equal as it stands are not even parsed. OFFSET 0 keeps this a lookup by place.
select u.n, array[{differences}] as differs
from unnest({numbers}::int[], {relations}::oid[], {places}::tid[], {changes}::uuid[]) as u (n, relation, place, change)
cross join lateral (
    select "threadline row" as r from {source} as "threadline row" -- a plain alias could be a column's name too
    where "threadline row".ctid = u.place and "threadline row".tableoid = u.relation offset 0
) as l
cross join lateral (
    select c.data_after - {left_out}::text[] as data from {audit}.audit_changes as c where c.id = u.change offset 0
) as c
cross join lateral (select jsonb_populate_record(l.r, c.data) as r offset 0) as p
where to_jsonb(l.r) - {left_out}::text[] is distinct from c.data
