-- What nobody should do behind a pooler: set for the session. A probe does it on purpose, with a name of its own.
select set_config(%(name)s, %(value)s, false)
