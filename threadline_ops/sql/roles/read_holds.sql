-- A purge obeys holds and an operator's pause; a preview counts what they keep.
grant select on {operations}.holds, {operations}.purge_control to {role}
