"""A honeytoken in every redacted column: searched for in everything that the suite ever writes or says."""

from __future__ import annotations

import pytest

from tests.honeytokens import ELSEWHERE, EXCLUDED, MASKED, PLAIN, PLANTED, Host, Suite, tokens
from tests.servers import TestServer


@pytest.mark.parametrize("redacted", [True, False], ids=["redacted", "control: nothing redacted"])
def test_honeytokens_appear_nowhere(
    redacted, server: TestServer, audited, connection, tmp_path, monkeypatch, caplog, capsys
):
    log_begins = server.log.stat().st_size if server.log else 0
    host = Host(connection, redacted=redacted)
    suite = Suite(tmp_path, host, audited, monkeypatch, capsys)
    for table in ("wide", "pair", "parts"):
        suite.run("baseline", table)
    host.live()
    suite.run("baseline", "pair", "--refresh", "--json")
    host.past_capture()
    told = host.refused()
    connection.execute("update audit_changes set captured_at = captured_at - interval '1 year' where op = 'delete'")
    rows = host.audit_rows()
    suite.everything(*(((), ("--json",)) if redacted else ((),)))
    places = {
        "audit tables": rows,
        "audit tables after the purge": host.audit_rows(),
        **{kind: suite.files(f"out/{kind}") for kind in ("parquet", "csv", "json", "ndjson")},
        "baselines and reports": suite.files("archive/baseline"),
    }
    assert all(PLAIN in text or "before capture" in text for text in places.values())
    assert "as ref" in told
    purged = connection.execute("select count(*) from audit_changes where captured_at < now() - interval '90 days'")
    assert purged.fetchone() == (0,)
    shown = {place: tokens(text) for place, text in (places | {"a refused write": told}).items()}
    if redacted:
        assert {place: found for place, found in shown.items() if found} == {}
    else:
        # With nothing redacted, the same search finds every single token in each of these places.
        everywhere = {*MASKED, *EXCLUDED, *ELSEWHERE}
        assert shown == dict.fromkeys(shown, everywhere) | {"a refused write": {96}}
    # Only what was deleted is old enough for the archive, so that not every token can be there.
    archived = tokens(suite.files("archive/archive"))
    assert not archived if redacted else archived
    spoken = {"said": suite.said, "evidence": suite.files(".threadline"), "logged": caplog.text}
    if server.log:
        spoken["server"] = server.log.read_bytes()[log_begins:].decode(errors="replace")
        assert "full_up" in spoken["server"]
    if redacted:
        assert {place: tokens(text) for place, text in spoken.items() if tokens(text)} == {}
    else:
        # Only what shows rows may ever have shown them: no record, log or finding does, redacted or not.
        assert tokens(spoken["said"])
        assert tokens(spoken["evidence"]) == tokens(spoken["logged"]) == set()


def test_a_leak_is_reported_without_repeating_it(audited, connection, tmp_path, monkeypatch, capsys):
    suite = Suite(tmp_path, Host(connection, redacted=True), audited, monkeypatch, capsys)
    connection.execute("update wide set plain = 'x'")
    leak = f"honey7token{PLANTED}x"
    for column in ("c0", "c3", "c50"):
        connection.execute(
            "update audit_changes set data_after = data_after || jsonb_build_object(%s::text, jsonb_build_array(%s::text))",
            (column, leak),
        )
    assert "clear_text" in suite.run("doctor", exits=1)
    assert "clear_text" in suite.run("doctor", "--json", exits=1)
    suite.run("coverage", "--json")
    assert tokens(suite.said + suite.files(".threadline")) == set()
    assert tokens(leak) == {PLANTED}
