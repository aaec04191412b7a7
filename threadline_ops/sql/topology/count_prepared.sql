-- Statements that hold the probe's nonce; other clients' prepared statements are theirs.
select count(*) from pg_catalog.pg_prepared_statements where position(%(nonce)s in statement) > 0
