-- A change captured meanwhile would keep its time and end up out of order.
lock table {audit}.audit_changes, {audit}.audit_transactions, {audit}.audit_actions in share row exclusive mode
