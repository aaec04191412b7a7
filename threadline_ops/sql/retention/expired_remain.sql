-- The last word of every run: "complete" is only said when nothing expired is left.
select exists (select from {audit}.audit_changes where captured_at < %(cutoff)s)
