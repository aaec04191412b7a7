-- One stretch of a table in key order as CSV, whose text is PostgreSQL's own rendering under pinned settings.
-- COPY takes no parameters, so the bounds arrive as quoted literals.
copy (
    select {outputs} from {source} as "threadline row" where {range} order by {order} limit {rows}
) to stdout (format csv, encoding 'UTF8')
