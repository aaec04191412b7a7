-- To pause a running purge and to resume it.
grant insert, update on {operations}.purge_control to {role}
