-- The last word of every run: "complete" is only said when nothing expired that may go is left.
select exists (select from {audit}.audit_changes as c where captured_at < %(until)s::timestamptz and {eligible})
