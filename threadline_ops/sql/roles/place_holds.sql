-- Placing and releasing holds; the purger gets neither, so that one account alone cannot end a hold and delete.
grant insert, update on {operations}.holds to {role}
