-- A range of blocks of a table without a key, rendered as read.sql does. COPY takes no parameters.
copy (
    select {outputs} from only {leaf} as "threadline row" where {range}
) to stdout (format csv, encoding 'UTF8')
