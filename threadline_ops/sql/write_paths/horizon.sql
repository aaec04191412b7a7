-- Taken before the exercise: every transaction that begins later has a captured_at and a txid beyond these.
select clock_timestamp(), txid_snapshot_xmin(txid_current_snapshot())
