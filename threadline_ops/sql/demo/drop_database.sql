-- Whoever is still connected, such as a user interface left open, loses the demo with it.
drop database {database} with (force)
