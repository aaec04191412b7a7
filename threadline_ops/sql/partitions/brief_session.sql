-- For statements that no transaction may hold; the connection is ours alone, past any pooler, and is closed afterwards.
select
    set_config('lock_timeout', %(milliseconds)s, false), set_config('statement_timeout', '0', false),
    set_config('application_name', %(application_name)s, false)
