-- Who waits for a strong lock makes everyone behind it wait as well: better to give up soon and to ask again.
select set_config('lock_timeout', %(milliseconds)s, true)
