"""Every way in which capture is known to break, with its severity and what to do: the one list of findings."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Severity(Enum):
    """How bad it is: P0 wrong, missing or exposed audit data; P1 operational friction; P2 the rest."""

    P0 = "P0"
    P1 = "P1"
    P2 = "P2"


class Check(Enum):
    """What is asserted, as sentences: each is an asset check, and each finding contradicts one of them."""

    EXPECTED = "every_expected_table_is_captured"
    TRIGGER = "the_trigger_fires_on_every_row_change"
    FUNCTION = "the_function_records_what_the_settings_imply"
    REDACTION = "the_deployed_redaction_is_the_configured_one"
    PROBE = "a_live_write_is_captured"
    FORGERY = "nobody_but_capture_writes_audit_rows"
    TABLES = "the_audit_tables_keep_what_capture_gives_them"
    ONE_LIFE = "transaction_ids_belong_to_one_life_of_the_cluster"
    FIRING = "no_role_or_database_switches_triggers_off"
    READABLE = "recorded_actors_and_keys_are_usable"
    CLEAR_TEXT = "no_redacted_column_shows_clear_text"
    INDEXES = "the_baseline_indexes_are_usable"
    ROOM = "disk_and_replication_slots_have_room"


@dataclass(frozen=True)
class Rule:
    """One kind of finding.

    Attributes:
        id: stable; quoted in evidence, checks and documentation.
        check: the assertion that it contradicts.
        breaks: whether a table with it counts as broken instead of covered.
        fix: what to do.
    """

    id: str
    severity: Severity
    check: Check
    fix: str
    breaks: bool = False


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong; it never holds a captured value.

    Attributes:
        id: of the rule.
        severity: of the rule.
        check: of the rule.
        subject: the table, role or object that it is about.
        what: what was found, in one line.
        evidence: SQL that shows it; runs as it is.
        fix: what to do.
        breaks: whether the table's capture cannot be trusted because of it.
    """

    id: str
    severity: Severity
    check: Check
    subject: str
    what: str
    evidence: str
    fix: str
    breaks: bool


_TRIGGERS = "run threadline-ops triggers, which puts the wanted trigger and function back"
_MERGED = "stop writes, note the time, and read docs/coverage.md on restored clusters before trusting actors since then"
_P0, _P1, _P2 = Severity.P0, Severity.P1, Severity.P2


def _broken(name: str, check: Check, fix: str = _TRIGGERS) -> Rule:
    return Rule(name, _P0, check, fix, breaks=True)


RULES: dict[str, Rule] = {
    rule.id: rule
    for rule in (
        _broken("table_missing", Check.EXPECTED, "create the table, or take it from the list of expected tables"),
        _broken("table_uncovered", Check.EXPECTED, "run threadline-ops triggers for this table"),
        _broken("trigger_disabled", Check.TRIGGER, "ALTER TABLE ... ENABLE TRIGGER, and find out who disabled it"),
        _broken("trigger_replica_only", Check.TRIGGER, "ALTER TABLE ... ENABLE TRIGGER; replica-only never fires here"),
        Rule(
            "trigger_always",
            _P2,
            Check.TRIGGER,
            "ALTER TABLE ... ENABLE TRIGGER, unless replicated rows are to be captured a second time here",
        ),
        _broken("trigger_events_missing", Check.TRIGGER),
        _broken("trigger_conditional", Check.TRIGGER),
        _broken("trigger_column_list", Check.TRIGGER),
        _broken("trigger_not_after", Check.TRIGGER),
        _broken("trigger_per_statement", Check.TRIGGER),
        _broken("trigger_arguments", Check.TRIGGER),
        _broken("trigger_duplicate", Check.TRIGGER, "drop the trigger that is not the wanted one: rows count twice"),
        Rule("trigger_deferrable", _P1, Check.TRIGGER, _TRIGGERS),
        Rule(
            "trigger_renamed",
            _P2,
            Check.TRIGGER,
            "rename it to threadline_audit_<table>: Threadline's own check goes by the name",
        ),
        Rule("truncate_uncaptured", _P1, Check.TRIGGER, _TRIGGERS),
        _broken("partition_uncovered", Check.TRIGGER, "enable the trigger on the partition, or attach it again"),
        _broken("inheritance_child_uncovered", Check.TRIGGER, "put a capture trigger on the child as well"),
        Rule(
            "table_unlogged",
            _P1,
            Check.TRIGGER,
            "ALTER TABLE ... SET LOGGED: a crash empties the table, and no trigger sees that",
        ),
        _broken("wrong_function", Check.FUNCTION),
        _broken("function_altered", Check.FUNCTION),
        _broken("function_shared", Check.FUNCTION),
        _broken("function_owner_powerless", Check.FUNCTION, "give the function the owner of the audit tables"),
        _broken("key_not_recorded", Check.FUNCTION),
        Rule("table_without_key", _P1, Check.FUNCTION, "give the table a key: its changes record whole rows"),
        Rule("actor_not_recorded", _P1, Check.FUNCTION, "run threadline-ops install, then threadline-ops triggers"),
        Rule("key_form_drift", _P1, Check.FUNCTION, _TRIGGERS),
        Rule("noop_drift", _P2, Check.FUNCTION, _TRIGGERS),
        Rule("before_values_drift", _P1, Check.FUNCTION, _TRIGGERS),
        Rule("function_pins_missing", _P1, Check.FUNCTION, _TRIGGERS),
        _broken("shared_function_missing", Check.FUNCTION, "run threadline-ops install"),
        _broken("shared_function_altered", Check.FUNCTION, "run threadline-ops install"),
        _broken("redaction_drift", Check.REDACTION),
        _broken("settings_unfit", Check.REDACTION, "correct the table's section in [capture.tables]"),
        Rule("column_unreviewed", _P1, Check.REDACTION, "decide on the column, then run threadline-ops triggers"),
        _broken("probe_not_captured", Check.PROBE, "compare the trigger and the function with threadline-ops coverage"),
        Rule(
            "search_path_unpinned",
            _P0,
            Check.FORGERY,
            "run threadline-ops triggers: any role may make a temp table that takes the rows",
        ),
        Rule(
            "function_invoker",
            _P1,
            Check.FORGERY,
            "run threadline-ops triggers, then revoke the application's rights on the audit tables",
        ),
        Rule("function_public", _P0, Check.FORGERY, "REVOKE EXECUTE ON FUNCTION ... FROM PUBLIC"),
        Rule(
            "audit_writable",
            _P0,
            Check.FORGERY,
            "revoke INSERT, UPDATE, DELETE and TRUNCATE, or list the role in coverage.trusted_roles",
        ),
        Rule("audit_schema_outdated", _P1, Check.TABLES, "run threadline-ops install, which adds what is missing"),
        Rule("audit_column_changed", _P0, Check.TABLES, "restore the column's type and NOT NULL"),
        Rule("audit_constraint_missing", _P0, Check.TABLES, "add the constraint again; see docs/coverage.md"),
        Rule("audit_constraint_disabled", _P0, Check.TABLES, "ALTER TABLE ... ENABLE TRIGGER ALL"),
        Rule("audit_row_security", _P0, Check.TABLES, "ALTER TABLE ... DISABLE ROW LEVEL SECURITY: it hides rows"),
        Rule("audit_unlogged", _P0, Check.TABLES, "ALTER TABLE ... SET LOGGED: a crash empties the table"),
        Rule("audit_trigger", _P0, Check.TABLES, "drop the trigger: nothing may change or swallow audit rows"),
        Rule("audit_rule", _P0, Check.TABLES, "drop the rule: it rewrites writes to the audit tables"),
        Rule(
            "audit_deletes_published",
            _P1,
            Check.TABLES,
            "ALTER PUBLICATION ... SET (publish = 'insert, update'): a purge would erase the warehouse's copy",
        ),
        Rule("audit_autovacuum_off", _P2, Check.TABLES, "ALTER TABLE ... RESET (autovacuum_enabled)"),
        Rule("replication_role", _P0, Check.FIRING, "ALTER ROLE or DATABASE ... RESET session_replication_role"),
        Rule("txid_regressed", _P0, Check.ONE_LIFE, _MERGED),
        Rule("transaction_merged", _P0, Check.ONE_LIFE, _MERGED),
        Rule("identity_changed", _P0, Check.ONE_LIFE, _MERGED),
        Rule("timeline_changed", _P1, Check.ONE_LIFE, "confirm the failover or restore, and compare max(captured_at)"),
        Rule("actor_malformed", _P1, Check.READABLE, "set threadline.actor_ref to {type, id} with a known type"),
        Rule("actor_missing", _P2, Check.READABLE, "set threadline.actor_ref before a transaction's first write"),
        Rule("key_null", _P0, Check.READABLE, "run threadline-ops triggers, which records the real primary key"),
        Rule("clear_text", _P0, Check.CLEAR_TEXT, "settle with security how these changes are to be erased"),
        Rule("index_missing", _P1, Check.INDEXES, "create it"),
        Rule("index_invalid", _P1, Check.INDEXES, "DROP INDEX CONCURRENTLY, then create it again"),
        Rule("index_redundant", _P2, Check.INDEXES, "DROP INDEX CONCURRENTLY: every captured row pays for it"),
        Rule("slot_retains_wal", _P1, Check.ROOM, "let its consumer catch up, or drop the slot"),
        Rule("disk_budget", _P1, Check.ROOM, "purge, archive, or raise coverage.disk_budget_gb"),
    )
}


def found(rule_id: str, subject: object, what: str, evidence: str, *, fix: str | None = None) -> Finding:
    """A finding of a rule.

    Args:
        rule_id: a key of RULES.
        subject: what it is about.
        what: what was found, in one line.
        evidence: SQL that shows it.
        fix: instead of the rule's own.
    """
    rule = RULES[rule_id]
    return Finding(
        rule.id, rule.severity, rule.check, str(subject), what, evidence, fix or rule.fix, breaks=rule.breaks
    )
