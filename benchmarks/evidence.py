"""How long a put, a verification and a rendering take with many records."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from typing import Any

from benchmarks.cases import Case, figure, interleaved, seconds
from benchmarks.effort import Effort
from benchmarks.ground import Ground
from tests.evidence_store import fill, offline_settings
from threadline_ops.backlog import render_backlog
from threadline_ops.evidence import recording, verify

#: What is told is for so many; fewer are scaled up, since every record costs the same.
RECORDS = 100_000
KEYS = ("retention.config_validated", "retention.dry_run_before_execute")


def change(number: int) -> dict[str, Any]:
    """A record as large as a purge's, with an issue now and then."""
    control = {"name": "a broken copy", "failed": True}
    status = "OK" if number % 7 else "Issue"
    claims = [
        {"row": key, "status": status, "detail": "a detail", "control": control, "facts": {}, "after": None}
        for key in KEYS
    ]
    statements = [{"file": f"retention/statement_{n}.sql", "sha256": "a" * 64} for n in range(6)]
    return {"class": "host", "settings": {"all": "x" * 1500}, "statements": statements, "claims": claims}


def cases(ground: Ground, effort: Effort) -> list[Case]:
    """Every case of the evidence store."""
    base = ground.directory / "evidence-of-many"
    # Made straight, because its making is not what is measured.
    fill(base / "store", effort.records, change)
    settings = offline_settings(base / "store").model_copy(update={"environment_class": "host"})
    backlog = settings.backlog.model_copy(update={"directory": base / "backlog"})
    settings = settings.model_copy(update={"backlog": backlog})

    scale = RECORDS / effort.records
    scaled = "" if scale == 1 else f"**measured with {effort.records:,} records, times {scale:g}**; "

    def verified() -> float:
        found = verify(settings)
        assert found.intact
        return found.seconds * scale

    def rendered() -> float:
        return seconds(lambda: render_backlog(settings, datetime.now(UTC))) * scale

    def record() -> None:
        with recording(settings, "benchmark", run_id=None, mode="none", command="true"):
            pass

    measured = interleaved({"verify": verified, "render": rendered}, effort.repeats)
    puts = interleaved({"record": lambda: seconds(record) * 1000}, 50)
    shutil.rmtree(base)
    return [
        figure(
            "evidence.verify_100k_s", measured["verify"], "s", goal=20,
            note=f"{scaled}every record and log hashed again",
        ),
        figure(
            "evidence.render_100k_s", measured["render"], "s", goal=20, note=f"{scaled}backlog.md, .json and .html"
        ),
        figure("evidence.record_ms", puts["record"], "ms", goal=50, note="one more record, synced to disk"),
    ]  # fmt: skip
