-- Before the first dropped partition there is no such table, and nothing to finish.
select to_regclass(format('%%I.partition_drops', %(ops)s::text)) is not null
