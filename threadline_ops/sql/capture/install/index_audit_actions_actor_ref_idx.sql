-- What an actor meant to do.
create index if not exists audit_actions_actor_ref_idx on {audit}.audit_actions using gin (actor_ref)
