-- Every run anchors its record. Rows are added and never changed, so no right to update or delete.
grant select, insert on {operations}.evidence_anchors to {role}
