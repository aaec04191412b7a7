-- Changes of a slice that must stay, by a hold or the policy. Asked in the deleting transaction, behind the lock that
-- whoever places a hold waits for: a slice goes whole or not at all.
select count(*)
from {audit}.audit_changes as c
where {archive/where/in_slice}
    and not ({expired} and {eligible})
