-- The weakest lock there is, on a table and its partitions, for as long as its rows are read by their places.
lock table {source} in access share mode
