-- The one thing that an application does to the audit trail itself.
grant execute on function {audit}.threadline_record_action(jsonb) to {role}
