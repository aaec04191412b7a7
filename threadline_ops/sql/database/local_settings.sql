-- SET LOCAL for a whole transaction in one round trip; the third argument keeps it local, so that behind a
-- transaction-pooling pooler nothing leaks to the next client. Rendering is pinned, because text of
-- timestamps, intervals and bytea must not depend on who asks.
select
    set_config('application_name', %(application_name)s, true),
    set_config('lock_timeout', %(lock_timeout)s, true),
    set_config('statement_timeout', %(statement_timeout)s, true),
    set_config('TimeZone', 'UTC', true),
    set_config('DateStyle', 'ISO, YMD', true),
    set_config('IntervalStyle', 'iso_8601', true),
    set_config('bytea_output', 'hex', true),
    set_config('extra_float_digits', '1', true)
