-- Actions that will belong to no transaction when the changes are gone, not only those that belong to none already.
select count(*)
from {audit}.audit_actions as a
where a.inserted_at < %(cutoff)s::timestamptz
    and a.name <> 'retention.purged'
    and {action_eligible}
    and not exists (
        select from {audit}.audit_transactions as t
        where t.action_id = a.id
            and (
                not %(emptied_go)s
                or exists (
                    select from {audit}.audit_changes as c
                    where c.transaction_id = t.id and not ({expired} and {eligible})
                )
                or (
                    not %(empty_go)s
                    and not exists (select from {audit}.audit_changes as c where c.transaction_id = t.id)
                )
            )
    )
