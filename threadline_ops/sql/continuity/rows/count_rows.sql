-- Live rows, and those that no captured change speaks of: hashes on both sides, so that nothing is sorted.
select count(*), count(*) filter (where known.hash is null)
from (select {live_hash} as hash from {source} as "threadline row") as live
left join (select distinct {hash} as hash from {audit}.audit_changes as c where {named}) as known on known.hash = live.hash
