-- Two connection strings lead to one cluster if this is equal; as text, because it exceeds what JSON keeps exactly.
select system_identifier::text from pg_catalog.pg_control_system()
