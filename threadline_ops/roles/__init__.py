"""Least-privilege database roles: what each may do, as SQL to read before it runs."""

from threadline_ops.roles.statements import Duty, execute, statements

__all__ = ["Duty", "execute", "statements"]
