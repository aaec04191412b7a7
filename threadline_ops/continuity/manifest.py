"""What a baseline says of itself: one manifest a chunk, and one that closes a version."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import rfc8785

from threadline_ops.continuity.keys import Bounds, Key
from threadline_ops.continuity.redaction import Redaction
from threadline_ops.continuity.relation import Column, Relation
from threadline_ops.continuity.snapshot import Moment, Snapshot
from threadline_ops.continuity.store import Store, component
from threadline_ops.database import Identity
from threadline_ops.errors import ContinuityError
from threadline_ops.plain import plain

#: Grows when a field changes its meaning; readers refuse what they do not know.
FORMAT = 1

_CLOSING = "baseline.json"


@dataclass(frozen=True)
class Header:
    """What all chunks of a version share; a resumed run must find it unchanged.

    Attributes:
        database: which database, with system identifier and timeline.
        table: its name.
        oid: of the table; another one under the same name is another table.
        columns: name and type of each column that is kept.
        key: names of the key's columns.
        redaction: what was left out.
    """

    system_identifier: str
    timeline: int
    database: str
    table: str
    oid: int
    columns: tuple[tuple[str, str], ...]
    key: tuple[str, ...]
    excluded: tuple[str, ...]
    masked: tuple[str, ...]

    @classmethod
    def of(cls, identity: Identity, relation: Relation, redaction: Redaction, columns: tuple[Column, ...]) -> Header:
        """The header of a baseline taken now."""
        return cls(
            system_identifier=identity.system_identifier,
            timeline=identity.timeline,
            database=identity.database,
            table=str(relation.table),
            oid=relation.oid,
            columns=tuple((column.name, column.type) for column in columns),
            key=tuple(column.name for column in relation.key),
            excluded=redaction.excluded,
            masked=tuple(name for name, _ in redaction.masked),
        )


@dataclass(frozen=True)
class Chunk:
    """A chunk as published.

    Attributes:
        number: from 1.
        header: of its version.
        rows: how many.
        bounds: the keys that it covers; together the chunks of a version cover every key there is.
        moment: the snapshot that it was read in.
        file: the Parquet file's name beside the manifest.
        sha256: of that file.
        text_sha256: of PostgreSQL's rendering of the rows, which depends on no session and no Parquet writer.
        text_bytes: size of that rendering.
    """

    number: int
    header: Header
    rows: int
    bounds: Bounds
    moment: Moment
    file: str
    sha256: str
    text_sha256: str
    text_bytes: int

    def dump(self) -> bytes:
        """The manifest's file."""
        fields = asdict(self)
        fields["moment"]["snapshot"] = str(self.moment.snapshot)
        return rfc8785.dumps({"format": FORMAT} | plain(fields))

    @classmethod
    def load(cls, content: bytes) -> Chunk:
        """Read a manifest.

        Raises:
            ContinuityError: it is of another format.
        """
        fields = _known(content)
        header = fields["header"]
        header |= {name: tuple(header[name]) for name in ("key", "excluded", "masked")}
        header["columns"] = tuple((name, kind) for name, kind in header["columns"])
        moment = fields["moment"]
        fields |= {
            "header": Header(**header),
            "bounds": Bounds(_key(fields["bounds"]["after"]), _key(fields["bounds"]["upto"])),
            "moment": Moment(
                Snapshot.parse(moment["snapshot"]), datetime.fromisoformat(moment["at"]), moment["origin"]
            ),
        }
        return cls(**fields)


@dataclass(frozen=True)
class Version:
    """A version of a table's baseline, finished or not.

    Attributes:
        number: from 1; a refresh makes the next.
        chunks: in order, without a gap.
        complete: whether the chunks cover the whole table.
    """

    number: int
    chunks: tuple[Chunk, ...]
    complete: bool

    @property
    def rows(self) -> int:
        """Rows in all chunks."""
        return sum(chunk.rows for chunk in self.chunks)

    @property
    def resumable(self) -> bool:
        """Whether more chunks may be added: those of a table without a key share one snapshot."""
        return all(chunk.header.key for chunk in self.chunks)


def directory(identity: Identity, relation: Relation) -> str:
    """Where a table's baselines lie; tables, databases and clusters of one name do not meet."""
    database = f"{component(identity.database)}-{identity.system_identifier}"
    return f"baseline/{database}/{component(relation.table.schema)}.{component(relation.table.name)}"


def version_directory(base: str, number: int) -> str:
    """Where one version lies."""
    return f"{base}/v{number:04}"


def data_name(number: int, sha256: str) -> str:
    """A chunk's Parquet file, named by its content, so that no two runs can overwrite each other's."""
    return f"chunk-{number:06}-{sha256[:12]}.parquet"


def manifest_name(number: int) -> str:
    """A chunk's manifest; it is published last and makes the chunk exist."""
    return f"chunk-{number:06}.json"


def latest(store: Store, base: str, *, complete: bool = False) -> Version | None:
    """The newest version, or the newest complete one.

    Raises:
        ContinuityError: a manifest is missing in the middle, altered, or of an unknown format.
    """
    numbers = sorted((int(name[1:]) for name in store.names(base) if _is_version(name)), reverse=True)
    for number in numbers:
        version = _version(store, base, number)
        if version.complete or not complete:
            return version
    return None


def versions(store: Store, base: str) -> list[Version]:
    """Every complete version, the newest first.

    Raises:
        ContinuityError: as for `latest`.
    """
    numbers = sorted((int(name[1:]) for name in store.names(base) if _is_version(name)), reverse=True)
    return [version for number in numbers if (version := _version(store, base, number)).complete]


def close(store: Store, base: str, version: Version) -> None:
    """Publish the manifest that makes a version complete; it seals the chunks' manifests by their hashes."""
    content = {
        "format": FORMAT,
        "version": version.number,
        "rows": version.rows,
        "chunks": [hashlib.sha256(chunk.dump()).hexdigest() for chunk in version.chunks],
    }
    store.publish(f"{version_directory(base, version.number)}/{_CLOSING}", rfc8785.dumps(content))


def _version(store: Store, base: str, number: int) -> Version:
    place = version_directory(base, number)
    names = set(store.names(place))
    chunks: list[Chunk] = []
    digests: list[str] = []
    while (name := manifest_name(len(chunks) + 1)) in names:
        content = store.read(f"{place}/{name}")
        chunks.append(Chunk.load(content))
        digests.append(hashlib.sha256(content).hexdigest())
    complete = _CLOSING in names
    if complete and _known(store.read(f"{place}/{_CLOSING}"))["chunks"] != digests:
        raise ContinuityError(
            "the baseline's manifests are not those that it was closed with",
            got=store.place(place),
            fix="restore its files, or take a new baseline with --refresh",
        )
    return Version(number, tuple(chunks), complete)


def _known(content: bytes) -> dict[str, Any]:
    try:
        fields: dict[str, Any] = json.loads(content)
        if fields.pop("format") == FORMAT:
            return fields
    except (ValueError, KeyError, AttributeError):
        pass
    raise ContinuityError(
        "a manifest of the baseline is not of a known format",
        fix="use the version of threadline-ops that wrote it, or take a new baseline with --refresh",
    )


def _key(value: list[str] | None) -> Key | None:
    return None if value is None else tuple(value)


def _is_version(name: str) -> bool:
    return name[:1] == "v" and name[1:].isdigit()
