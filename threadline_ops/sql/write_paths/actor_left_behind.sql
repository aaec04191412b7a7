-- In a transaction that set no actor there must be none: whatever is here was set for the session. The value is
-- somebody's, so only its presence is asked.
select pg_backend_pid(), nullif(current_setting('threadline.actor_ref', true), '') is not null
