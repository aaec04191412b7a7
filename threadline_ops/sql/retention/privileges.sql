-- Asked before the first batch, so that a role without a right changes nothing and hears which one it lacks.
select array_agg(format('%%s on %%s', privilege, relation) order by relation, privilege)
from (
    values
        ('audit_changes', 'SELECT', true), ('audit_changes', 'DELETE', true),
        ('audit_transactions', 'SELECT', true), ('audit_transactions', 'DELETE', true),
        ('audit_actions', 'SELECT', %(delete_actions)s), ('audit_actions', 'DELETE', %(delete_actions)s)
) as needed (relation, privilege, wanted)
where wanted and not has_table_privilege(to_regclass(format('%%I.%%I', %(schema)s::text, relation)), privilege)
