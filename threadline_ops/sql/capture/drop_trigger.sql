-- Only capture's own triggers are dropped, by name.
drop trigger {trigger} on {schema}.{table}
