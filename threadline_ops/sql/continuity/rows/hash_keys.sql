-- Hashes of keys that are no longer live, made where all others are made.
select {hash} from unnest({arrays}) with ordinality as u ({names}, n) order by u.n
