-- Something in it must stay after all. The constraint that detaching left makes this a matter of the catalog.
alter table {audit}.audit_changes attach partition {schema}.{table} for values from ({lower}) to ({upper})
