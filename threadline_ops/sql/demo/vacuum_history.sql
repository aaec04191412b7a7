-- Every row of the history has just been written again: the dead ones go, and the planner learns the new times.
vacuum (analyze) {audit}.audit_changes, {audit}.audit_transactions, {audit}.audit_actions
