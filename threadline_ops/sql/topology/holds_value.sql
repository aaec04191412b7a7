-- A setting that was never made reads NULL, one that was made for an ended transaction ''.
select coalesce(nullif(current_setting(%(name)s, true), '') = %(value)s, false)
