-- How many chunks end before a key: the chunk that covers it is the next one.
select count(*) from unnest({bounds}) as b ({names}) where ({bound}) < ({key})
