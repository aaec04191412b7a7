-- Live rows that do not read as the baseline's do, once more as types: 1.0 and 1.00, or an object's keys in
-- another order, are no difference.
select u.n, array[{differences}] as differs
from unnest({arrays}) as u ({names})
cross join lateral (
    select t.* from {source} as t where t.ctid = u.place and t.tableoid = u.relation offset 0
) as t
