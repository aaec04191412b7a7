"""A job of another Dagster location is launched through Dagster's own GraphQL, runs, and is found captured."""

import json
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import dagster as dg
import psycopg
import pytest
from dagster._core.test_utils import in_process_test_workspace, instance_for_test
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster_graphql.test.utils import execute_dagster_graphql
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from tests.audit import settings_for
from tests.sample_host import bookings, jobs
from threadline_ops.capture.names import Table
from threadline_ops.capture.triggers import apply
from threadline_ops.database import opened
from threadline_ops.declared import DagsterJob, EnvironmentSettings, WritePath
from threadline_ops.settings import Settings
from threadline_ops.write_paths import PathResult, ProbeRequest, run_probes

#: What a code location is called that runs in the process that serves it.
LOCATION = "<<in_process>>"


@contextmanager
def dagster_of_the_host() -> Iterator[str]:
    """The address of Dagster's GraphQL; what it queued is run, as a daemon would, before the launch is answered."""
    origin = LoadableTargetOrigin(executable_path=sys.executable, module_name="tests.sample_host.jobs")
    with (
        instance_for_test() as instance,
        in_process_test_workspace(instance, origin, container_image=None) as workspace,
    ):

        class GraphQL(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                answer = execute_dagster_graphql(workspace, asked["query"], asked["variables"])
                for run in instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED])):
                    job = jobs.defs.resolve_job_def(run.job_name)
                    job.execute_in_process(run_config=run.run_config, tags=run.tags)
                content = json.dumps({"data": answer.data}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Nothing."""

        with ThreadingHTTPServer(("127.0.0.1", 0), GraphQL) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
            thread.start()
            try:
                yield f"http://127.0.0.1:{server.server_port}/graphql"
            finally:
                server.shutdown()
                thread.join(20)


@pytest.fixture
def settings(audited: str, connection: psycopg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    parts = conninfo_to_dict(audited)
    address = "postgresql+psycopg://{user}:{password}@{host}:{port}/{dbname}".format(**parts)
    monkeypatch.setenv("SAMPLE_HOST_DSN", address)
    for statement in bookings.TABLES:
        connection.execute(statement)
    made = settings_for(audited, tmp_path / "evidence").model_copy(
        update={"environments": {"test": EnvironmentSettings(allow_writes=True)}, "direct_dsn": SecretStr(audited)}
    )
    with opened(made, "test") as database:
        list(apply(database, [Table("public", "bookings"), Table("public", "passengers")]))
    return made


def probed(settings: Settings, address: str, job: str) -> PathResult:
    run_config = {"ops": {"close_bookings": {"config": {"correlation_id": "{correlation_id}"}}}}
    path = WritePath(
        name="close day",
        kind="job",
        writes=("insert bookings", "insert passengers"),
        dagster=DagsterJob(url=address, job=job, location=LOCATION, run_config=run_config),
        timeout_s=5,
    )
    return run_probes(settings.model_copy(update={"write_paths": (path,)}), ProbeRequest()).paths[0]


def test_a_job_of_another_location_is_launched_and_found_captured(settings: Settings):
    with dagster_of_the_host() as address:
        done = probed(settings, address, "close_day")
        assert done.status == "OK", done.notes
        passed = {check.key for check in done.checks if check.status == "OK"}
        assert {"captured", "actor_well_formed", "action_linked", "correlation_carried"} <= passed
        absent = probed(settings, address, "no_such_job")
    assert absent.status == "Issue"
    assert "Dagster answered PipelineNotFoundError" in absent.notes
