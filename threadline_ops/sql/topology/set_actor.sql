-- For this transaction only; the third argument is what makes it safe behind a pooler.
select set_config('threadline.actor_ref', %(actor)s, true)
