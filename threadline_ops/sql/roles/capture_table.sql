-- TRIGGER puts capture on a table that somebody else owns. SELECT is for TRUNCATE, which capture turns into a delete of
-- each row with the rights of the audit tables' owner.
grant select, trigger on {schema}.{table} to {role}
