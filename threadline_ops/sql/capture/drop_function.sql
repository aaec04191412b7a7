-- Without CASCADE: a function that a trigger still needs stays.
drop function {function}({arguments})
