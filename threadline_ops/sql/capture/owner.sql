-- Who owns the audit tables, and who we are: functions that write them must belong to their owner.
select pg_catalog.pg_get_userbyid(c.relowner)::text, current_user::text
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where n.nspname = %(schema)s and c.relname = 'audit_changes'
