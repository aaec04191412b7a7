-- Before, because afterwards the rows are gone.
create or replace trigger {trigger} before truncate on {schema}.{table}
for each statement execute function {function}({arguments})
