-- Asking to make a schema that exists would still need the right to make it.
select to_regnamespace(quote_ident(%(operations)s::text)) is not null
