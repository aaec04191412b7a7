-- Only on the backend that has the probe's value; on any other this does nothing.
select set_config(%(name)s, '', false)
where nullif(current_setting(%(name)s, true), '') = %(value)s
