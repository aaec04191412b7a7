-- Through a function, so that the application's role needs no rights on the audit tables.
select {audit}.threadline_record_action(%(action)s::jsonb) as id
