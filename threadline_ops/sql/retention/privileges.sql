-- Asked before the first batch, so that a role without a right changes nothing and hears which one it lacks.
select array_agg(format('%%s on %%s', privilege, relation) order by relation, privilege)
from (
    values
        ('audit_changes', 'SELECT'), ('audit_changes', 'DELETE'),
        ('audit_transactions', 'SELECT'), ('audit_transactions', 'DELETE')
) as needed (relation, privilege)
where not has_table_privilege(format('%%I.%%I', %(schema)s::text, relation), privilege)
