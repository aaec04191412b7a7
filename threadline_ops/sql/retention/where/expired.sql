-- The rule, with each table's own window where it has one.
c.captured_at < %(cutoff)s::timestamptz
