-- To install and upgrade: whoever creates the audit tables owns them, and capture runs with the owner's rights.
grant usage, create on schema {schema} to {role}
