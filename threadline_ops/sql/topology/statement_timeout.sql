-- As the next transaction finds it.
select current_setting('statement_timeout')
