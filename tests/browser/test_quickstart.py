"""A new user's first minutes: the quickstart's own commands, and what the page says they will see."""

import csv
import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.browser.clone import QUICKSTART, Clone, clone, commands
from tests.browser.screen import CHROMIUM, Screen, screen
from tests.pgbouncer import free_port

AUDITED = "/locations/threadline_ops/asset-groups/audited/lineage"
BOOKINGS = "/assets/audited/public/bookings?view=checks"
#: Seconds; a busy machine takes a minute to launch what an idle one launches in four seconds.
PATIENCE = 120
FAILED, PASSED = "Failed", "Succeeded"


@pytest.fixture
def user(tmp_path: Path) -> Iterator[Screen]:
    CHROMIUM.required(CHROMIUM.on_path, CHROMIUM.installed)  # before the demo is built for nothing
    here = clone(tmp_path, free_port())
    demo, ui, *_ = commands()
    made = here.run(demo)
    assert made.returncode == 0, made.stderr
    with here.serving(ui), screen(here, tmp_path / "profile") as opened:
        yield opened


@pytest.mark.thorough
@pytest.mark.timeout(600)
def test_a_new_user_breaks_sees_and_heals(user: Screen):
    _, _, break_it, ask_health, heal_it = commands()
    see_all_tables_green(user)
    dry_run = launch_dry_purge(user)

    assert run(user.clone, break_it).returncode == 0
    user.open(BOOKINGS)
    user.button("Execute all").click()
    user.wait_for(FAILED, times=3)
    user.keep("failing-check")
    # The sensor may have turned them red before the run that this asked for left the evidence for the backlog.
    wait_for(lambda: any(each["outcome"] == "findings" for each in all_evidence(user.clone)))

    materialize(user, "adoption_backlog")
    materialize(user, "health_report")
    exported = launch_export(user)
    see_it_in_the_backlog(user)
    see_it_in_the_health_report(user)
    said = run(user.clone, ask_health)
    assert said.returncode == 1
    assert "public.bookings" in said.stdout

    assert run(user.clone, heal_it).returncode == 0
    user.open(BOOKINGS)
    user.button("Execute all").click()
    user.wait_for(PASSED, times=3)

    assert evidence(user.clone, dry_run)["mode"] == "dry_run"
    figures = evidence(user.clone, exported)
    assert figures["parameters"]["filters"] == {"table": "flights"}
    with (user.clone.directory / figures["parameters"]["location"]).open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert rows
    assert {row["table_name"] for row in rows} == {"flights"}


def see_all_tables_green(user: Screen) -> None:
    """Seven tables and the audit trail, as soon as the sensor's own run has evaluated everything."""
    size = user.page.viewport_size
    assert size is not None
    user.page.set_viewport_size({"width": 1280, "height": 1720})
    user.open(AUDITED)
    user.page.get_by_text("3 / 3 Passed").nth(6).wait_for()
    user.page.get_by_text("13 / 13 Passed").wait_for()
    user.keep("audited-tables")
    user.page.set_viewport_size(size)


def run(here: Clone, command: str) -> subprocess.CompletedProcess[str]:
    return here.run(command)


def launch_dry_purge(user: Screen) -> str:
    """From the Launchpad, with the config that it offers."""
    user.open("/locations/threadline_ops/jobs/retention_purge/playground")
    user.page.get_by_text("mode: dry_run").first.wait_for()
    user.keep("launchpad")
    user.button("Launch Run").click()
    return launched(user)


def launch_export(user: Screen) -> str:
    """With the config of the quickstart."""
    config = re.findall(r"^```yaml\n(.*?)^```", QUICKSTART.read_text(), re.MULTILINE | re.DOTALL)[-1]
    user.open("/assets/audit_export")
    user.button("Materialize").click(modifiers=["Shift"])
    user.write_config(config)
    user.page.get_by_role("button", name="Materialize").last.click()
    return launched(user)


def launched(user: Screen) -> str:
    user.page.wait_for_url(re.compile("/runs/[0-9a-f-]{36}"))
    return user.page.url.rstrip("/").split("/runs/")[1][:36]


def materialize(user: Screen, asset: str) -> None:
    user.open(f"/assets/{asset}")
    user.button("Materialize").click()
    user.page.get_by_text("Launched run").first.wait_for()  # to leave the page before would call it off


def see_it_in_the_backlog(user: Screen) -> None:
    user.open("/assets/adoption_backlog?view=checks&checkDetail=no_p0_is_open")
    user.wait_for(FAILED)
    user.open_file(user.clone.demo / "backlog.html")
    row = user.page.locator("li", has_text="capture.expected_tables_covered")
    row.get_by_text("Issue", exact=True).first.wait_for()
    user.keep("backlog-issue")


def see_it_in_the_health_report(user: Screen) -> None:
    user.open("/assets/health_report?view=checks&checkDetail=every_audited_table_is_healthy")
    user.wait_for(FAILED)
    user.open("/assets/health_report")
    user.wait_for("tables_broken")
    user.keep("health-asset")
    user.open_file(user.clone.demo / "health.html")
    assert "public.bookings" in user.page.locator("section", has_text="To look at").first.inner_text()
    user.keep("health-report")


def evidence(here: Clone, run_id: str) -> dict:
    path = here.demo / "evidence" / f"{run_id}.json"
    wait_for(path.exists)
    return json.loads(path.read_text())


def all_evidence(here: Clone) -> list[dict]:
    return [json.loads(path.read_text()) for path in (here.demo / "evidence").glob("*.json")]


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)
