-- A function as capture wants it; every clause is compared with the deployed one, so none is left to defaults.
create or replace function {function}({arguments}) returns {returns}
language plpgsql
{volatility}
{security}
{settings}as {body}
