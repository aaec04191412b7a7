-- Said by verify, because whoever replaces a whole store could also give it a new name.
select store, max(sequence) from {operations}.evidence_anchors where store <> %(store)s group by store order by store
