-- Which version of which transaction this is; see change_version.sql.
uuid_send(t.id) || oidsend(t.tableoid) || tidsend(t.ctid) || xidsend(t.xmin)
