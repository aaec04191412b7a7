-- CREATE ROLE knows no IF NOT EXISTS. The block is a quoted literal: within dollar quotes a role's name could end it.
do {body}
