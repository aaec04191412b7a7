-- The suite's own schema: nothing of it lies in the audited one.
create schema if not exists {operations}
