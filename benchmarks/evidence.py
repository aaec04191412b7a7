"""How long a put, a verification and a rendering take with many records."""

from __future__ import annotations

import shutil
import time
from datetime import UTC, datetime
from typing import Any

from benchmarks.cases import Case, figure, interleaved
from benchmarks.ground import Ground
from tests.evidence_store import fill, offline_settings
from threadline_ops.backlog import render_backlog
from threadline_ops.evidence import recording, verify

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


def cases(ground: Ground, repeats: int) -> list[Case]:
    """Every case of the evidence store; its size is in their names, so that a quick run has it as well."""
    base = ground.directory / "evidence-of-many"
    # Made straight, because its making is not what is measured.
    fill(base / "store", RECORDS, change)
    settings = offline_settings(base / "store").model_copy(update={"environment_class": "host"})
    backlog = settings.backlog.model_copy(update={"directory": base / "backlog"})
    settings = settings.model_copy(update={"backlog": backlog})

    def verified() -> float:
        found = verify(settings)
        assert found.intact
        return found.seconds

    def rendered() -> float:
        began = time.perf_counter()
        render_backlog(settings, datetime.now(UTC))
        return time.perf_counter() - began

    def recorded() -> float:
        began = time.perf_counter()
        with recording(settings, "benchmark", run_id=None, mode="none", command="true"):
            pass
        return (time.perf_counter() - began) * 1000

    # A hundred thousand records take long enough for a single measurement to tell.
    measured = interleaved({"verify": verified, "render": rendered}, repeats if ground.full_size else 1)
    puts = interleaved({"record": recorded}, 50)
    shutil.rmtree(base)
    return [
        figure("evidence.verify_100k_s", measured["verify"], "s", goal=20, note="every record and log hashed again"),
        figure("evidence.render_100k_s", measured["render"], "s", goal=20, note="backlog.md, .json and .html"),
        figure("evidence.record_ms", puts["record"], "ms", goal=50, note="one more record, synced to disk"),
    ]
