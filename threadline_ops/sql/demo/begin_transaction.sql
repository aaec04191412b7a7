-- The actor, local to the transaction and before its first write: a later one would not reach the captured
-- transaction. Thousands of commits that each wait for the disk would take most of the demo's time, and so would
-- reading whole tables: the planner expects more rows from a JSON document than any of ours holds.
select
    set_config('threadline.actor_ref', %(actor)s, true),
    set_config('synchronous_commit', 'off', true),
    set_config('enable_seqscan', 'off', true)
