-- Asked before the first batch, so that a role without a right changes nothing and hears which one it lacks.
-- Locking a row FOR UPDATE needs UPDATE on any one column of it.
select array_agg(format('%%s on %%s', privilege, relation) order by relation, privilege)
from (
    values
        ('audit_changes', 'SELECT'), ('audit_changes', 'DELETE'),
        ('audit_transactions', 'SELECT'), ('audit_transactions', 'DELETE'), ('audit_transactions', 'UPDATE')
) as needed (relation, privilege)
cross join lateral (select format('%%I.%%I', %(schema)s::text, relation) as name) as target
where not case privilege
    when 'UPDATE' then has_any_column_privilege(target.name, privilege)
    else has_table_privilege(target.name, privilege)
end
