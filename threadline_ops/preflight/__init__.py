"""What only the host can show, looked at from inside it: the installed release, the sign-off, the backups."""

from threadline_ops.preflight.run import run_preflight

__all__ = ["run_preflight"]
