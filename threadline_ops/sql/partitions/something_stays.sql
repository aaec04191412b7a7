-- A partition is dropped whole or not at all: one row that may not go keeps it.
select exists (select from {schema}.{table} as c where not ({expired} and {eligible}))
