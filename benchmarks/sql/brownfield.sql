-- A table of many types that held rows before its capture began.
create table orders as
select
    i::bigint as id,
    'name ' || i as name,
    (i * 1.01)::numeric(12, 2) as price,
    timestamptz '2024-01-01Z' + i * interval '1 s' as at,
    i %% 2 = 0 as paid,
    i / 7.0::float8 as ratio,
    md5(i::text)::uuid as reference,
    array['a', 'b' || i] as tags,
    repeat('x', 40) as note,
    i as quantity
from generate_series(1, %(rows)s) as i
