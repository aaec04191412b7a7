"""Tables to baseline and verify, and what the tests of continuity do with them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from pydantic import SecretStr

from threadline_ops.capture.names import parse
from threadline_ops.capture.triggers import apply
from threadline_ops.continuity.baseline import take
from threadline_ops.continuity.events import BaselineEvent, BaselineResult, VerifyResult
from threadline_ops.continuity.store import store
from threadline_ops.continuity.verification import verify
from threadline_ops.database import opened
from threadline_ops.progress import drive
from threadline_ops.sections import CaptureTable, ContinuitySettings, EvidenceSettings
from threadline_ops.settings import Settings


def settings_for(dsn: str, directory: Path, **continuity: Any) -> Settings:
    return Settings(
        dsn=SecretStr(dsn),
        archive_uri=SecretStr(str(directory / "archive")),
        environment="test",
        environment_class="ci",
        evidence=EvidenceSettings(directory=directory / "evidence"),
        continuity=ContinuitySettings(**({"chunk_rows": 7} | continuity)),
    )


def capture(settings: Settings, *tables: str) -> None:
    with opened(settings, "tests") as database:
        drive(apply(database, [parse(table, "public") for table in tables], settings.capture), lambda _: None)


def redacting(settings: Settings, table: str, **rules: Any) -> Settings:
    tables = settings.capture.tables | {table: CaptureTable(**rules)}
    return settings.model_copy(update={"capture": settings.capture.model_copy(update={"tables": tables})})


def baseline(settings: Settings, table: str, *, refresh: bool = False) -> BaselineResult:
    events: list[BaselineEvent] = []
    with opened(settings, "tests") as database:
        work = take(
            database,
            store(settings),
            table,
            capture=settings.capture,
            limits=settings.continuity,
            refresh=refresh,
        )
        result = drive(work, events.append)
    assert len(events) == result.new_chunks
    return result


def verified(settings: Settings, table: str, **named: Any) -> VerifyResult:
    with opened(settings, "tests") as database:
        work = verify(
            database,
            store(settings),
            table,
            run_id=str(uuid4()),
            capture=settings.capture,
            limits=settings.continuity,
            **named,
        )
        return drive(work, lambda _: None)


@dataclass(frozen=True)
class Found:
    """A finding as the report has it."""

    kind: str
    key: tuple[str, ...]
    columns: tuple[str, ...]


def found(result: VerifyResult) -> set[Found]:
    rows = [json.loads(line) for line in Path(result.report).read_text().splitlines()]
    return {Found(row["kind"], tuple(row["key"].values()), tuple(row["columns"])) for row in rows}


def manifests(settings: Settings, version: int = 1, table: str = "*") -> list[dict[str, Any]]:
    """The chunks of a version in order, each with its file as `path`."""
    assert settings.archive_uri is not None
    root = Path(settings.archive_uri.get_secret_value())
    paths = sorted(root.glob(f"baseline/*/*{table}/v{version:04}/chunk-*.json"))
    read = [(path, json.loads(path.read_text())) for path in paths]
    return [manifest | {"path": path.parent / manifest["file"]} for path, manifest in read]
