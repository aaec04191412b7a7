-- To call a function by its name; it opens no table.
grant usage on schema {audit} to {role}
