-- Asked first: even IF NOT EXISTS needs a right on the database that the owner of a ready-made schema lacks. The
-- block is a quoted literal, because a schema's name could end a dollar quote.
do {block}
