-- A schema of our own, so that nothing of ours stands among the audited tables.
create schema if not exists {operations}
