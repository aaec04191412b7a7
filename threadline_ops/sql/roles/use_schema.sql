-- To name what is in it; it opens no table.
grant usage on schema {schema} to {role}
