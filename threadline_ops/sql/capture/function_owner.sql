-- A SECURITY DEFINER function has its owner's rights, and only the audit tables' owner has the right ones.
alter function {function}({arguments}) owner to {owner}
