-- In the transaction that drops the table, or when there is nothing to finish.
delete from {operations}.partition_drops where partition = %(oid)s
