-- Updates of the key itself, where the old key was captured: the old identity ended there, not without a trace.
select {hash}
from {audit}.audit_changes as c
where {named} and c.op = 'update' and c.changed_fields && {columns}::text[] and c.changed_from is not null
