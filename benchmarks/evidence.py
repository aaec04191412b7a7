"""How long do a put, a verification and a rendering take with many records?

Usage: python -m benchmarks.evidence [records] [directory]
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.evidence_store import fill, offline_settings
from threadline_ops.backlog import render_backlog
from threadline_ops.evidence import recording, verify

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


def timed(name: str, work: Any) -> Any:
    """Run, print wall and CPU seconds, and pass the result on."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    print(f"{name:<10} {time.perf_counter() - wall:8.2f} s wall {time.process_time() - cpu:8.2f} s CPU")
    return result


def main() -> None:
    """Measure once; the store is made straight, because its making is not what is measured."""
    records = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    base = Path(tempfile.mkdtemp(dir=sys.argv[2] if len(sys.argv) > 2 else None))
    try:
        fill(base / "store", records, change)
        settings = offline_settings(base / "store").model_copy(update={"environment_class": "host"})
        backlog = settings.backlog.model_copy(update={"directory": base / "backlog"})
        settings = settings.model_copy(update={"backlog": backlog})
        assert timed("verify", lambda: verify(settings)).intact
        timed("render", lambda: render_backlog(settings, datetime.now(UTC)))
        seconds: list[float] = []
        for _ in range(50):
            began = time.perf_counter()
            with recording(settings, "benchmark", run_id=None, mode="none", command="true"):
                pass
            seconds.append(time.perf_counter() - began)
        print(f"{'record':<10} {statistics.median(seconds) * 1000:8.2f} ms median of {len(seconds)}")
    finally:
        shutil.rmtree(base)


if __name__ == "__main__":
    main()
