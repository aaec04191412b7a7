-- The keys that changes name, and how many chunks end before each: the chunk that covers it is the next one.
select u.n, array[{keys}], (select count(*) from unnest({bounds}) as b ({names}) where ({bound}) < ({key}))
from unnest({numbers}::int[], {changes}::uuid[]) as u (n, change)
cross join lateral (select c.* from {audit}.audit_changes as c where c.id = u.change offset 0) as c
