-- Something to time out.
select pg_sleep(%(seconds)s)
