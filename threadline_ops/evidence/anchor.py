"""The chain's head, kept where whoever can delete files of the store cannot reach: in the audited database.

Every record's place and hash is one row of a table of our own. Rows are only ever added, and a place once
anchored with one hash is never anchored with another, so a store that lost its tail, or was replaced, shows.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Literal

from threadline_ops.database import Database, opened
from threadline_ops.errors import EvidenceError, OpsError
from threadline_ops.evidence.store import Head
from threadline_ops.settings import Settings

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class Anchoring:
    """Whether a record is anchored.

    Attributes:
        status: "conflict" means that the database knows another record at this place.
        detail: why it is not, for people.
    """

    status: Literal["anchored", "skipped", "off", "unavailable", "conflict"]
    detail: str = ""

    @property
    def missing(self) -> bool:
        """The record should be anchored, and is not."""
        return self.status in ("unavailable", "conflict")

    def error(self) -> EvidenceError:
        """The same for those who require an anchor."""
        return EvidenceError(
            f"the run's record is not anchored: {self.detail}",
            fix='mend this, or set evidence.anchor = "auto"; what the run reported is done and recorded',
        )


def anchor(settings: Settings, head: Head, run_id: str) -> Anchoring:
    """Anchor a record; it never raises, because the run's work is done, but it warns in the process's log.

    Args:
        settings: the database and its operations schema.
        head: the record's place and hash.
        run_id: of the run.
    """
    if settings.evidence.anchor == "off":
        return Anchoring("off", "evidence.anchor is off")
    try:
        with opened(settings, "evidence") as database:
            result = _anchor(database, settings.evidence_store, head, run_id)
    except OpsError as error:
        result = Anchoring("unavailable", error.what)
    if result.missing:
        _LOGGER.warning("evidence is not anchored: %s", result.detail)
    return result


def anchors(database: Database, store: str) -> dict[int, str] | None:
    """The anchored hashes of a store by place, or None where there is no anchor table.

    Raises:
        DatabaseError: the table is there but cannot be read.
    """
    with database.transaction(read_only=True) as connection:
        if not _exist(database):
            return None
        rows = connection.execute(database.statement("evidence/list_anchors"), {"store": store})
        return dict(rows.fetchall())


def other_stores(database: Database, store: str) -> dict[str, int]:
    """Stores of other names that this database anchors, with their newest place."""
    with database.transaction(read_only=True) as connection:
        if not _exist(database):
            return {}
        return dict(connection.execute(database.statement("evidence/other_stores"), {"store": store}).fetchall())


def _anchor(database: Database, store: str, head: Head, run_id: str) -> Anchoring:
    if refusal := ensure(database):
        return Anchoring("unavailable", refusal)
    wanted = {"store": store, "sequence": head.sequence, "sha256": head.sha256, "run_id": run_id}
    with database.transaction():
        known = str(database.one("evidence/add_anchor", wanted)[0])
    if known != head.sha256:
        return Anchoring(
            "conflict",
            f"the database knows another record {head.sequence} of store {store!r}: records were removed, or two "
            "stores share the name; run threadline-ops evidence verify, or give this one its own evidence.store",
        )
    return Anchoring("anchored")


def ensure(database: Database) -> str | None:
    """Make the anchor table if it is missing and the role may; say why not otherwise."""
    schema = {"schema": database.settings.operations_schema}
    with database.transaction(read_only=True):
        if _exist(database):
            return None
        standby, schema_exists, may = database.one("evidence/may_create", schema)
    if standby:
        return "this server is a read-only replica"
    if not may:
        return (
            f"the role may not create schema {database.settings.operations_schema!r}; let one that may run once, "
            "then grant this one SELECT and INSERT on its evidence_anchors"
        )
    with database.transaction() as connection:
        database.one("evidence/create_alone")
        if not schema_exists:  # asking for one that exists would still need the right to make it
            connection.execute(database.statement("evidence/create_schema"))
        connection.execute(database.statement("evidence/create_anchors"))
    return None


def _exist(database: Database) -> bool:
    return bool(database.one("evidence/anchors_exist", {"schema": database.settings.operations_schema})[0])
