-- Unset reads NULL, and '' after a transaction-local setting went; both mean nobody.
select coalesce(current_setting('threadline.actor_ref', true), '') as actor
