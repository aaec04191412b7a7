"""The pools in which Dagster queues runs: one audited database's work waits for its own, not for another's.

Several code locations may share one instance and with it its pools, so the environment is part of their names. A pool
queues and displays, no more: what keeps two purges apart is a lock in the database.
"""

from __future__ import annotations

from threadline_ops import settings as configuration

_environment = configuration.load().environment
_suffix = "".join(c if c.isascii() and c.isalnum() else "_" for c in _environment)

#: One purge at a time. Apart from the readers, so that a baseline of two days does not hold up the nightly purge.
AUDIT_PURGE = f"audit_purge_{_suffix}"
#: Looks of a few minutes, which must not wait for hours: they are what finds that capture has stopped.
AUDIT_CHECKS = f"audit_checks_{_suffix}"
#: Everything else that reads the audited database; raise its limit to let exports or baselines run side by side.
AUDIT_DATABASE = f"audit_database_{_suffix}"
#: Dagster's own storage, which every code location of the instance shares.
DAGSTER_STORAGE = "dagster_storage"
