-- Before the first archive there is no ledger, and nothing to compare the store with.
select to_regclass(format('%%I.archive_purged', %(ops)s::text)) is not null
