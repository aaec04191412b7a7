-- Whoever may execute a trigger function may attach it to a table of his own and forge changes with it.
revoke execute on function {function}({arguments}) from public
