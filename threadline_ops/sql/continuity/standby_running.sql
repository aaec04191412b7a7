-- Transaction ids between the bounds of a standby's snapshot whose capture this snapshot does not see.
select coalesce(array_agg(x order by x), '{{}}')
from generate_series(%(xmin)s::bigint, %(xmax)s::bigint - 1) as x
where not exists (select from {audit}.audit_transactions as t where t.txid = x)
