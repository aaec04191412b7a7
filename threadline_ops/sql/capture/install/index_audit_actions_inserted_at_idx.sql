-- Actions by time.
create index if not exists audit_actions_inserted_at_idx on {audit}.audit_actions (inserted_at)
