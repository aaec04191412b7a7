-- Asked when a slice differs: a digest of each change in its range, so that the report can name those that do.
select c.id::text, md5({archive/rows/change})
from {audit}.audit_changes as c
where {archive/where/in_slice}
