"""Whatever the runs were, the statuses obey the rules; whatever people wrote, rendering keeps it."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.evidence_store import START, body, offline_settings
from threadline_ops.backlog.catalogue import BY_KEY, ROWS
from threadline_ops.backlog.history import History
from threadline_ops.backlog.markdown import marker_of, render, tables
from threadline_ops.backlog.scope import objection
from threadline_ops.backlog.status import Backlog, compute
from threadline_ops.backlog.tables import Table, escape, merge, parse, unescape
from threadline_ops.evidence.record import Record, dumps
from threadline_ops.evidence.store import GENESIS
from threadline_ops.sections import BacklogSettings
from threadline_ops.settings import Settings

KEYS = ("retention.config_validated", "retention.dry_run_before_execute", "retention.backups_aligned", "no.row")
JUSTIFICATIONS = (
    "",
    "not needed",
    "out of scope",
    "two\nlines, see docs/scope.md, of reason here",
    "all audited tables were created empty, see docs/scope.md",
)
DAYS = st.integers(0, 100)
#: What a finding is about tells which rows it contradicts.
CONTRADICTED = {"flights": list(KEYS[:2]), "planes": [KEYS[1]], "weather": list[str]()}

claims = st.builds(
    lambda row, ok, control, after: {
        "row": row, "status": "OK" if ok else "Issue", "detail": "a | detail\nof two lines",
        "control": control and {"name": "broken copy", "failed": control == "killed"}, "facts": {}, "after": after,
    },
    st.sampled_from(KEYS), st.booleans(), st.sampled_from([None, "killed", "survived"]),
    st.sampled_from([None, "dry_run"]),
)  # fmt: skip
findings = st.builds(
    lambda code, severity, scope: {
        "area": "COVERAGE", "code": code, "symptom": f"{code} <b>|", "severity": severity, "scope": scope,
        "rows": CONTRADICTED[code],
    },
    st.sampled_from(sorted(CONTRADICTED)), st.sampled_from(["P0", "P1"]), st.sampled_from([None, "catalog", "rest"]),
)  # fmt: skip
runs = st.fixed_dictionaries(
    {
        "day": DAYS,
        "mode": st.sampled_from(["dry_run", "execute"]),
        "outcome": st.sampled_from(["complete", "failed", "killed", "canceled", "capped"]),
        "class": st.sampled_from(["ci", "host"]),
        "environment": st.sampled_from(["test", "test", "other"]),
        "subject_sha256": st.sampled_from([None, "a" * 64, "b" * 64]),
        "claims": st.lists(claims, max_size=3),
        "findings": st.lists(findings, max_size=2, unique_by=lambda finding: finding["code"]),
        "scopes": st.lists(st.sampled_from(["catalog", "rest"]), max_size=2, unique=True),
    }
)
scopes = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(JUSTIFICATIONS))


def chained(made: list[dict[str, Any]]) -> list[Record]:
    previous, records = GENESIS, []
    for number, run in enumerate(sorted(made, key=lambda run: run["day"]), 1):
        ended = (START + timedelta(days=run["day"], seconds=number)).isoformat()
        status = "OK" if run["outcome"] == "complete" else "Issue"
        fields = {name: value for name, value in run.items() if name != "day"}
        content = body(number, **fields, ended=ended, status=status) | {"sequence": number, "previous": previous}
        records.append(Record.parse(dumps(content | {"log": {}})))
        previous = records[-1].sha256
    return records


def settings_with(scope: dict[str, str]) -> Settings:
    backlog = BacklogSettings(not_applicable=scope, owners={"RETENTION": "team|data"})
    return offline_settings(Path("nowhere")).model_copy(update={"backlog": backlog})


def computed(records: list[Record], configured: Settings, day: int) -> Backlog:
    history = History("test", timedelta(days=30))
    history.read(records)
    assert history.broken == []
    return compute(history, configured, START + timedelta(days=day))


@settings(max_examples=300, deadline=None)
@given(made=st.lists(runs, max_size=12), scope=scopes, later=DAYS)
def test_any_history_gives_statuses_that_obey_the_rules(made, scope, later):
    records = chained(made)
    day = max([run["day"] for run in made], default=0) + later + 1
    backlog = computed(records, settings_with(scope), day)
    assert [row.row for row in backlog.rows] == list(ROWS)
    for status in backlog.rows:
        key = status.row.key
        mine = [
            (record, claim)
            for record in records
            for claim in record.body["claims"]
            if claim["row"] == key and record.environment == "test"
        ]
        if status.status in ("OK", "Issue"):
            assert status.evidence is not None
            assert status.pointer, "no status without a pointer"
            of_class = [record for record, _ in mine if record.environment_class == status.environment_class]
            assert status.evidence.record is of_class[-1], "the latest of its class wins"
        if status.status == "OK":
            assert status.evidence.record.ended + timedelta(days=status.row.valid_days or 30) > backlog.as_of
            here = [claim for record, claim in mine if record is status.evidence.record]
            assert all(claim["status"] == "OK" for claim in here)
            assert status.unproven == any((claim["control"] or {}).get("failed") is not True for claim in here)
            assert not (status.row.host_only and status.environment_class == "ci")
            assert any(claim["after"] is None for claim in here) or any(
                record.mode == "dry_run" and record.status == "OK" for record in records
            )
        if status.status == "N/A":
            assert objection(scope[key]) is None, "N/A only with a justification"
        if status.status == "Not run":
            assert objection(scope.get(key, "")) is not None or key not in scope
    ids = [issue.id for issue in (*backlog.issues, *backlog.closed)]
    assert len(ids) == len(set(ids)), "a symptom has one entry"
    open_rows = {(key, issue.environment_class) for issue in backlog.issues for key in issue.rows}
    assert {(row.row.key, row.environment_class) for row in backlog.rows if row.status == "Issue"} <= open_rows


@settings(max_examples=100, deadline=None)
@given(made=st.lists(runs, min_size=1, max_size=10), cut=st.integers(0, 9))
def test_ids_of_issues_never_change_as_evidence_grows(made, cut):
    records = chained(made)
    before = computed(records[: cut + 1], settings_with({}), 200)
    after = computed(records, settings_with({}), 200)
    ids = {issue.id: (issue.area, issue.row) for issue in (*after.issues, *after.closed)}
    for issue in (*before.issues, *before.closed):
        assert ids[issue.id] == (issue.area, issue.row)


@settings(max_examples=150, deadline=None)
@given(made=st.lists(runs, max_size=8), scope=scopes)
def test_what_is_rendered_can_be_read_back(made, scope):
    backlog = computed(chained(made), settings_with(scope), 101)
    text = render(backlog, None)
    for table in tables(backlog):
        rows = parse(text, table.marker)
        expected = [{name: " ".join(row.get(name, "").split()) for name in table.columns} for row in table.rows]
        assert rows == expected, table.marker
    assert render(backlog, text) == text, "rendering again changes nothing"


lines = st.text(alphabet=st.characters(blacklist_characters="\n", blacklist_categories=("Cs",)), max_size=30)
outside = lines.filter(lambda line: not line.lstrip().startswith("|") and "<!--" not in line)


@settings(max_examples=150, deadline=None)
@given(paragraphs=st.lists(outside, max_size=4), notes=st.dictionaries(st.sampled_from(sorted(BY_KEY)), lines))
def test_what_people_wrote_stays(paragraphs, notes):
    backlog = computed([], settings_with({}), 0)
    text = render(backlog, None)
    for key, note in notes.items():
        table = next(table for table in tables(backlog) if table.marker == marker_of(key.split(".")[0]))
        noted = replace(
            table,
            theirs=frozenset(),
            rows=tuple(row | ({"Notes": note} if row["Key"] == key else {}) for row in table.rows),
        )
        text = merge(text, [replace(noted, theirs=frozenset())])
    for place, line in enumerate(paragraphs):
        cut = text.index("## Checklist 4" if place % 2 else "## Prioritised issues")
        text = f"{text[:cut]}{line}\n\n{text[cut:]}"
    later = computed(
        chained([{
            "day": 1, "mode": "execute", "outcome": "complete", "class": "host", "environment": "test",
            "subject_sha256": None, "findings": [],
            "claims": [{"row": KEYS[0], "status": "OK", "detail": "", "control": None, "facts": {}, "after": None}],
        }]),
        settings_with({}), 2,
    )  # fmt: skip
    rendered = render(later, text)
    for key, note in notes.items():
        cells = next(cells for cells in parse(rendered, marker_of(key.split(".")[0])) or () if cells["Key"] == key)
        assert cells["Notes"] == " ".join(note.split())
    ours = {line for line in text.split("\n") if line.lstrip().startswith("|")}
    kept = [line for line in text.split("\n") if line not in ours]
    assert [line for line in rendered.split("\n") if not line.lstrip().startswith("|")] == kept


@given(st.text(max_size=60))
def test_a_cell_can_hold_any_text(text):
    table = Table("m", "Heading", "Key", ("Key", "Text"), ({"Key": "k", "Text": text},))
    assert parse(merge("", [table]), "m") == [{"Key": "k", "Text": " ".join(text.split())}]
    assert unescape(escape(text)) == " ".join(text.split())
