-- Other changes of the same row in the same transaction: a trigger that writes to its own row makes them be
-- captured in the wrong order, the inner before the outer.
select u.n, s.id, s.op
from unnest({numbers}::int[], {changes}::uuid[]) as u (n, change)
cross join lateral (select c.* from {audit}.audit_changes as c where c.id = u.change offset 0) as c
join {audit}.audit_changes as s on s.transaction_id = c.transaction_id and s.id <> c.id
where {named} and {hash} = {other_hash}
order by u.n, s.captured_at desc
