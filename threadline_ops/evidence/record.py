"""The form of a record, and how it is read back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import rfc8785

from threadline_ops.errors import EvidenceError
from threadline_ops.evidence.files import read
from threadline_ops.evidence.store import Store

#: Grows when a field changes its meaning; readers refuse what they do not know.
RECORD_VERSION = 2


@dataclass(frozen=True, slots=True)
class Record:
    """A record as the backlog and the command line need it.

    Attributes:
        sequence: place in the chain, from 1.
        sha256: of the record's file.
        body: everything, as stored.
    """

    sequence: int
    sha256: str
    run_id: str
    operation: str
    mode: str
    status: str
    outcome: str
    environment_class: str
    environment: str
    command: str
    ended: datetime
    body: dict[str, Any]

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """Read a record.

        Raises:
            EvidenceError: it is no record, or of a version that this one does not know.
        """
        try:
            body = json.loads(content)
            version = body["record_version"]
            if version != RECORD_VERSION:
                raise EvidenceError(
                    "a record has a version that this release does not know",
                    got=version,
                    fix="use the release that wrote it, or a newer one",
                )
            return cls(
                sequence=body["sequence"],
                sha256=hashlib.sha256(content).hexdigest(),
                run_id=body["run_id"],
                operation=body["operation"],
                mode=body["mode"],
                status=body["status"],
                outcome=body["outcome"],
                environment_class=body["class"],
                environment=body["environment"],
                command=body["command"],
                ended=datetime.fromisoformat(body["ended"]),
                body=body,
            )
        except (ValueError, KeyError, TypeError):
            raise EvidenceError(
                "a file in the evidence store is not a record",
                fix="run threadline-ops evidence verify",
            ) from None


def dumps(body: dict[str, Any]) -> bytes:
    """The canonical bytes of a record: RFC 8785, so that equal records have equal hashes."""
    return rfc8785.dumps(body)


def records(store: Store) -> Iterator[Record]:
    """All records in the order of the chain.

    Raises:
        EvidenceError: one of them cannot be read; `verify` says which and why.
    """
    chain = str(store.chain)
    for sequence in store.sequences():
        yield Record.parse(read(f"{chain}/{sequence:010d}.json"))


def find(store: Store, reference: str) -> Record:
    """The record with this run id, or with this number in the chain.

    Raises:
        EvidenceError: there is none.
    """
    path = store.chain_path(int(reference)) if reference.isdecimal() else store.record_path(reference)
    try:
        return Record.parse(path.read_bytes())
    except FileNotFoundError:
        raise EvidenceError(
            "no such record in the evidence store",
            got=reference,
            fix="see threadline-ops evidence list",
        ) from None
