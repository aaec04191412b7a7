-- Of this transaction alone, before anything is looked up: names of types must come out with their schema, and
-- operators must be the key type's own.
select set_config('search_path', %(path)s, true)
