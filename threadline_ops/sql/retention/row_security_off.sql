-- With a policy in force PostgreSQL then raises instead of hiding rows. A purge that does not see a
-- transaction's changes would take the transaction for empty, and the cascade would delete them.
select set_config('row_security', 'off', true)
