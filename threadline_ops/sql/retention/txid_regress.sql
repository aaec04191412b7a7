-- Transaction ids start again after a dump and restore: then a stored id can lie ahead of the server's own, and
-- capture will append new changes to that old transaction when the server gets there.
select t.txid
from {audit}.audit_transactions as t
where t.txid >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint
order by t.txid desc
limit 1
