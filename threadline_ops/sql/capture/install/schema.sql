-- The tables may live in a schema of their own; public is there already.
create schema if not exists {audit}
