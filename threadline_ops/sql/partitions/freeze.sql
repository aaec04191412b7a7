-- Nobody writes into a partition so old; and if someone does, it waits until we know whether its rows go.
lock table {schema}.{table} in share mode
