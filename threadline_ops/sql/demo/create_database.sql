-- From template0: what somebody put into template1 is no part of the demo.
create database {database} template template0
