-- In which blocks of the heap a few rows lie. What belongs to neighbouring changes was written together, so the rest of a
-- page's rows most likely lies between them.
select
    min((p.ctid::text::point)[0])::bigint as first,
    max((p.ctid::text::point)[0])::bigint as last
from {schema}.{table} as p
where p.id = any(%(ids)s::uuid[])
