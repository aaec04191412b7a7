-- Of this transaction alone, before anything is looked up: names of types must come out with their schema, and
-- operators must be the key type's own. Where row-level security would hide rows, PostgreSQL is to raise: hidden
-- rows would look vanished.
select set_config('search_path', %(path)s, true), set_config('row_security', 'off', true)
