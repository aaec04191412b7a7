-- Actions by name.
create index if not exists audit_actions_name_idx on {audit}.audit_actions (name)
