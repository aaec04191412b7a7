-- Before the first use there is no table, and nothing to obey.
select to_regclass(format('%%I.purge_control', %(ops)s::text)) is not null
