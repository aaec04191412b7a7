-- COMMENT takes no parameter, so the text stands here, and the code reads it from here.
comment on database {database} is
'threadline_ops demo: made by the demo, which drops it without asking and rewrites its history'
