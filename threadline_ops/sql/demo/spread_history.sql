-- Rewrites the times of the whole history, for a demo only: the n-th of N changes, if it begins a transaction,
-- moves to n/N of the span; the rest of its transaction follows until just before the next one begins, or within
-- `longest`. That keeps every order, since each transaction ended before the next began, and leaves next to no
-- time at which a cutoff would not cut a transaction in two. Transactions and the actions behind them move by as
-- much as their first change. All parts see the times as they were.
with numbered as (
    select
        c.id, c.transaction_id, c.captured_at,
        row_number() over (order by c.captured_at, c.id) - 1 as place,
        %(seconds)s::double precision / count(*) over () as pace
    from {audit}.audit_changes as c
),

grouped as (
    select
        n.*,
        min(n.place) over (partition by n.transaction_id) as first_place,
        count(*) over (partition by n.transaction_id) as size
    from numbered as n
),

positions as (
    select
        g.id, g.transaction_id, g.captured_at,
        %(start)s::timestamptz + make_interval(
            secs => g.first_place * g.pace
            + (g.place - g.first_place) * least(0.999 * g.size * g.pace, %(longest)s::double precision) / greatest(g.size - 1, 1)
        ) as moved_to
    from grouped as g
),

shifts as (
    select p.transaction_id, min(p.moved_to) - min(p.captured_at) as shift
    from positions as p
    group by p.transaction_id
),

action_shifts as (
    select t.action_id, min(s.shift) as shift
    from shifts as s
    join {audit}.audit_transactions as t on t.id = s.transaction_id
    where t.action_id is not null
    group by t.action_id
),

moved_changes as (
    update {audit}.audit_changes as c
    set captured_at = p.moved_to
    from positions as p
    where p.id = c.id
    returning 1
),

moved_transactions as (
    update {audit}.audit_transactions as t
    set occurred_at = t.occurred_at + s.shift
    from shifts as s
    where s.transaction_id = t.id
    returning 1
),

moved_actions as (
    update {audit}.audit_actions as a
    set inserted_at = a.inserted_at + s.shift
    from action_shifts as s
    where s.action_id = a.id
    returning 1
)

select
    (select count(*) from moved_changes),
    (select count(*) from moved_transactions),
    (select count(*) from moved_actions),
    (select min(p.moved_to) from positions as p),
    (select max(p.moved_to) from positions as p)
