-- The third argument keeps it local to the transaction, so that no other client of a pooled connection has it.
select set_config('threadline.actor_ref', %(actor)s, true) as actor
