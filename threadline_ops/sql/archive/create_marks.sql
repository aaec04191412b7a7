-- One mark a day: which transactions were running at a moment of that day. See mark.sql.
create table if not exists {operations}.archive_marks (
    system_identifier text not null,
    day date not null,
    at timestamptz not null,
    below bigint not null,
    primary key (system_identifier, day)
)
