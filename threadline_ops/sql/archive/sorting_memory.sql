-- Room to sort a slice by its key without a file; local to the transaction.
select set_config('work_mem', '32MB', true)
