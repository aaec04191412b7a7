"""The archive as an Iceberg table: the same sealed files, in the place where they lie, for Spark, Trino and others.

The chain of manifests decides what is archived, and the purge asks nobody else. The table is its published face: after
each run it shows exactly the newest version of each day. What a crash leaves out, the next run adds.
"""
