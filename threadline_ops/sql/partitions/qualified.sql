-- So that the server writes every name with its schema, wherever the text is run later.
select set_config('search_path', '', true)
