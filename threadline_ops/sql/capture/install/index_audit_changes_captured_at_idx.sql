-- Every window: timeline, retention, exports.
create index if not exists audit_changes_captured_at_idx on {audit}.audit_changes (captured_at)
