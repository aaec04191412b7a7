-- Of this transaction alone, and before anything is looked up: type names must come out with their schema.
select set_config('search_path', 'pg_catalog', true)
