"""The sections of `threadline.toml` that capabilities read; the file itself says what each setting is for."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, StrictInt, StrictStr, model_validator

from threadline_ops.fields import Boolean, Identifier, PositiveInt, Section


def _window(value: object) -> object:
    """Never coerced from a file's text, a fraction or a truth value: in a destructive setting these are mistakes."""
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value <= 0):
        raise ValueError("must be a positive whole number")
    return value


# The strict type below makes pydantic-settings read the environment's digits as a number beforehand.
Window = Annotated[StrictInt | None, BeforeValidator(_window)]


def _printable(value: str) -> str:
    if any(unicodedata.category(character) == "Cc" for character in value):
        raise ValueError("must hold no control characters")
    return value


Placeholder = Annotated[StrictStr, Field(min_length=1, max_length=200), AfterValidator(_printable)]


class DatabaseSettings(Section):
    """How every transaction behaves in the audited database."""

    audit_schema: Identifier = "public"
    operations_schema: Identifier = "threadline_ops"
    lock_timeout_ms: PositiveInt = 2_000
    statement_timeout_ms: PositiveInt = 60_000
    connect_timeout_s: PositiveInt = 10


class TableWindow(Section):
    """A table's own retention window."""

    keep_days: PositiveInt


class RetentionSettings(Section):
    """What may be purged, and in which steps."""

    enabled: Boolean = False
    keep_days: Window = None
    max_age_seconds: Window = None
    delete_empty_transactions: Boolean = True
    batch_size: PositiveInt = 500
    max_batches: PositiveInt = 10_000
    adaptive: Boolean = True
    target_batch_ms: PositiveInt = 250
    smallest_batch: PositiveInt = 100
    largest_batch: Annotated[int, Field(gt=0, le=50_000)] = 50_000
    gentle: Boolean = True
    latency_ratio: Annotated[float, Field(gt=1)] = 1.5
    workers: PositiveInt = 1
    sweep: Literal["auto", "always", "never"] = "auto"
    keep_current: Boolean = False
    partitions: Literal["auto", "never"] = "auto"
    delete_actions: Boolean = False
    max_duration_min: Window = None
    hours: StrictStr | None = None
    hours_zone: StrictStr = "UTC"
    most_waiting_locks: Annotated[int, Field(ge=0)] = 0
    most_replication_lag_mb: PositiveInt = 256
    most_wal_mb_per_minute: Window = None
    most_dead_rows: Window = None
    allowed_publications: tuple[Identifier, ...] = ()
    record_action: Boolean = True
    require_archive: Boolean = False
    tables: dict[str, TableWindow] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_window(self) -> Self:
        if self.keep_days is not None and self.max_age_seconds is not None:
            raise ValueError(
                f"keep_days ({self.keep_days}) and max_age_seconds ({self.max_age_seconds}) are both set, "
                "and only one of them can be the window"
            )
        return self


class ExportSettings(Section):
    """Where exports go that name no place, and how hard they read."""

    directory: StrictStr = ".threadline/exports"
    readers: Annotated[int, Field(gt=0, le=16)] = 2


class ArchiveSettings(Section):
    """Where the archive lies, and in which steps it is written and purged."""

    directory: StrictStr = ".threadline/archive"
    slice_rows: Annotated[int, Field(gt=0, le=50_000)] = 5_000
    seal_wait_s: Annotated[int, Field(ge=0)] = 60
    keep_days: Window = None
    same_as: tuple[StrictStr, ...] = ()
    format: Literal["parquet", "iceberg"] = "parquet"
    iceberg_table: Annotated[str, Field(pattern=r"^[^.\s]+(\.[^.\s]+)+$")] = "threadline.audit_changes"


class CaptureTable(Section):
    """How one table is captured."""

    exclude: tuple[Identifier, ...] = ()
    mask: tuple[Identifier, ...] = ()
    mask_placeholder: Placeholder = "[REDACTED]"
    store_changed_from: Boolean = False
    except_columns: tuple[Identifier, ...] = ()
    key: tuple[Identifier, ...] = ()
    typed_pk: Boolean = False
    skip_noop: Boolean = False
    truncate: Literal["rows", "marker", "refuse", "ignore"] = "rows"

    @model_validator(mode="after")
    def _one_way_each(self) -> Self:
        for column in self.exclude:
            if column in self.mask:
                raise ValueError(f"column {column!r} is in exclude and in mask, and can only be in one of them")
        for column in self.key:
            if column in (*self.exclude, *self.mask):
                raise ValueError(f"column {column!r} is part of the key, where exclude and mask would not reach")
        return self


class CaptureSettings(Section):
    """Which tables are captured, keyed by "schema.table", and who may record actions."""

    application_roles: tuple[Identifier, ...] = ()
    tables: dict[str, CaptureTable] = Field(default_factory=dict)


class CoverageSettings(Section):
    """Which tables must be captured, and when a doubt becomes a finding."""

    schemas: tuple[Identifier, ...] = ("public",)
    expected_tables: tuple[StrictStr, ...] = ()
    probe_tables: tuple[StrictStr, ...] = ()
    trusted_roles: tuple[Identifier, ...] = ()
    scan_rows: PositiveInt = 100_000
    max_unattributed_percent: Annotated[int, Field(ge=0, le=100)] = 20
    max_slot_retention_mb: PositiveInt = 1_024
    disk_budget_gb: Window = None
    disk_warning_days: PositiveInt = 30


class ContinuitySettings(Section):
    """How a table is read for a baseline, and what a verification reports."""

    tables: tuple[StrictStr, ...] = ()
    target: Literal["files", "table"] = "files"
    chunk_rows: PositiveInt = 50_000
    chunk_bytes: PositiveInt = 16_777_216
    chunk_ms: PositiveInt = 1_000
    gentle: Boolean = True
    latency_ratio: Annotated[float, Field(gt=1)] = 1.5
    most_waiting_locks: Annotated[int, Field(ge=0)] = 0
    most_replication_lag_mb: PositiveInt = 256


class EvidenceSettings(Section):
    """Where runs leave their records."""

    directory: Path = Path(".threadline/evidence")
    remote: Annotated[StrictStr, Field(pattern="^[a-z0-9+]+://.+$")] | None = None
    store: Annotated[StrictStr, Field(min_length=1, max_length=200)] | None = None
    anchor: Literal["auto", "required", "off"] = "auto"


class ReviewSettings(Section):
    """A sign-off of the redaction policy."""

    policy_sha256: Annotated[StrictStr, Field(pattern="^[0-9a-f]{64}$")]
    reviewer: Annotated[StrictStr, Field(min_length=1, max_length=200)]
    date: Annotated[StrictStr, Field(pattern=r"^\d{4}-\d{2}-\d{2}$")]


class BacklogSettings(Section):
    """The adoption pilot backlog: where it is rendered, and what runs cannot know."""

    directory: Path = Path(".threadline")
    valid_days: PositiveInt = 30
    release_tag: StrictStr | None = None
    backup_command: tuple[StrictStr, ...] = ()
    api: StrictStr = "https://api.github.com"
    not_applicable: dict[str, StrictStr] = Field(default_factory=dict)
    owners: dict[str, StrictStr] = Field(default_factory=dict)
    redaction_review: ReviewSettings | None = None
