-- What a careless migration does; nothing if it was done before.
drop trigger if exists {trigger} on {app}.{table}
