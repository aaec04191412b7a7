-- Reading is all that investigation, coverage, previews and exports need.
grant select on {schema}.{table} to {role}
