-- Before the first hold there is no table, and no purge pays for one.
select to_regclass(format('%%I.holds', %(ops)s::text)) is not null
