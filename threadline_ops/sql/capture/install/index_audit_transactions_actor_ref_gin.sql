-- What an actor did: containment on actor_ref.
create index if not exists audit_transactions_actor_ref_gin on {audit}.audit_transactions using gin (actor_ref)
