-- Whether this backend still has what one of our transactions set for itself. Values are searched for its token,
-- because the backend's own defaults are whatever the host made them.
select
    coalesce(position(%(value)s in current_setting('threadline.actor_ref', true)), 0) > 0
    or position(%(value)s in current_setting('application_name')) > 0
