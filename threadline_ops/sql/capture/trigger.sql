-- Replacing needs a lock that lets readers through, which dropping first would not.
create or replace trigger {trigger} after insert or update or delete on {schema}.{table}
for each row execute function {function}({arguments})
