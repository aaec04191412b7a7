-- Which version of which change this is. PostgreSQL never alters a version: who changes a row makes another one,
-- at another place or by another transaction.
uuid_send(c.id) || oidsend(c.tableoid) || tidsend(c.ctid) || xidsend(c.xmin)
