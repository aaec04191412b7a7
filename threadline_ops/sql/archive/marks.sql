-- The first mark of each day on which there was one; a day is sealed by the first mark after its end.
select at, below from {operations}.archive_marks where system_identifier = %(system_identifier)s order by at
