-- A flight that somebody can book, whichever comes first.
select id from {app}.flights limit 1
