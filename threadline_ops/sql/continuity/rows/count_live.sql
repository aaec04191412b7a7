-- Live rows of a table without a key, which nothing could be held against.
select count(*) from {source} as "threadline row"
