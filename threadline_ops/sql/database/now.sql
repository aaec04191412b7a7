-- clock_timestamp, not now(): captured_at is clock time, and a cutoff is compared with it.
select clock_timestamp()
