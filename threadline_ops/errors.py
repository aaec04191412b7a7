"""Every error an operator can meet, as one tree.

    OpsError
    ├── SettingsError             a setting, flag or argument is wrong; retrying cannot help
    │   ├── PolicyError           retention policy: window, cutoff, batch sizes, missing consent
    │   └── FilterError           timeline and export filters
    ├── DatabaseError             the server answered, but not with what the operation needs
    │   ├── Unreachable           no connection: network, authentication, no such database
    │   ├── SchemaMissing         the audit tables, or a part of them, are not there
    │   ├── Busy                  a lock, a time limit or a deadlock ended a step; a later or smaller one may pass
    │   ├── LockHeld              another run of the same operation is at work
    │   ├── LockLost              the connection that guards this run has gone
    │   ├── CoverageGap           a table that must be captured is not
    │   └── UnsafeDatabase        going on could lose or leak audit data
    ├── ExportError               an export could not be finished
    ├── ArchiveError              an archive is missing, altered or not sealed
    ├── ContinuityError           a baseline cannot be taken or trusted
    ├── EvidenceError             the evidence store cannot be written or does not verify
    ├── TopologyError             the chain to PostgreSQL cannot be established
    └── BacklogError              the adoption backlog breaks a rule

Messages are for people: what happened, which value, what to do. They never contain a secret or a
captured value, so any of them may be printed, logged and stored as evidence.
"""

from __future__ import annotations


class OpsError(Exception):
    """Base of every error raised on purpose.

    Args:
        what: what happened, lower case, no full stop.
        got: the offending value, shown with repr(); never a secret or a captured value.
        fix: what the operator can do about it.
    """

    def __init__(self, what: str, *, got: object = None, fix: str) -> None:
        self.what = what
        self.got = got
        self.fix = fix
        value = "" if got is None else f" (got {got!r})"
        super().__init__(f"{what}{value}; {fix}")


class SettingsError(OpsError):
    """A setting, flag or argument is wrong; retrying cannot help."""


class PolicyError(SettingsError):
    """The retention policy, or what a run asks beyond it, is not acceptable."""


class FilterError(SettingsError):
    """A timeline or export filter is unknown or malformed."""


class DatabaseError(OpsError):
    """The server answered, but not with what the operation needs."""


class Unreachable(DatabaseError):
    """No connection could be made."""


class SchemaMissing(DatabaseError):
    """The audit tables, or a part of them that the operation needs, do not exist."""


class Busy(DatabaseError):
    """A lock, a time limit or a deadlock ended a step; a later or smaller one may pass."""


class LockHeld(DatabaseError):
    """Another run of the same operation is at work on this database."""


class LockLost(DatabaseError):
    """The connection that guards this run against a second one has gone."""


class CoverageGap(DatabaseError):
    """A table that must be captured is not."""


class UnsafeDatabase(DatabaseError):
    """Going on could lose, leak or invent audit data."""


class ExportError(OpsError):
    """An export could not be finished; nothing that looks finished was left behind."""


class ArchiveError(OpsError):
    """An archive is missing, altered or not sealed."""


class ContinuityError(OpsError):
    """A baseline cannot be taken, or cannot be trusted."""


class EvidenceError(OpsError):
    """The evidence store cannot be written, or does not verify."""


class TopologyError(OpsError):
    """The chain from here to PostgreSQL cannot be established."""


class BacklogError(OpsError):
    """The adoption backlog breaks one of its rules."""
