"""The way from a plain audit_changes to one that is partitioned by captured_at, online, as SQL to read and to run.

The old table becomes the first partition, so no row is copied. A constraint, validated beforehand without making a
writer wait, spares the one strong lock a scan.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from threadline_ops.database import Database
from threadline_ops.errors import PolicyError, UnsafeDatabase
from threadline_ops.periods import Period

OLD = "audit_changes_before"
BACK = "audit_changes_undone"
CHECK = "audit_changes_before_bound"
#: Below PostgreSQL's deadlock_timeout, so that the plan gives way before a writer is chosen to.
BRIEF = "set local lock_timeout = '500ms';"
MOST_AHEAD = 400


@dataclass(frozen=True)
class Step:
    """One step of the plan.

    Attributes:
        title: what it does.
        locks: which locks it takes, and who waits for it.
        sql: statements to run as they are, with a connection in autocommit.
        back_out: how to undo it; None when there is nothing to undo.
    """

    title: str
    locks: str
    sql: str
    back_out: str | None = None


@dataclass(frozen=True)
class PartitionPlan:
    """What `partition plan` prints.

    Attributes:
        partitioned: audit_changes is partitioned already; the steps only add partitions.
        period: what a partition spans.
        bound: the first day that lies in a partition of its own; the steps before the switch must end before it.
        steps: in order.
        back_out: after the switch, in order; empty when there is none.
    """

    partitioned: bool
    period: str
    bound: date
    steps: tuple[Step, ...]
    back_out: tuple[Step, ...] = ()


@dataclass(frozen=True)
class _Facts:
    partitioned: bool
    owner: str
    indexes: list[list[str]]
    constraints: list[list[str]]
    grants: list[str]
    attached: list[str]
    today: date
    partitions: list[list[str | None]]


def partition_plan(database: Database, period: Period, *, ahead: int = 12) -> PartitionPlan:
    """Plan from the catalog; nothing is changed.

    Args:
        database: the audited one, with a plain or a partitioned audit_changes.
        period: what each new partition spans.
        ahead: partitions to make in advance.

    Raises:
        PolicyError: `ahead` is absurd.
        UnsafeDatabase: something hangs on the plain table that renaming would leave behind; the message names it.
    """
    if not 1 <= ahead <= MOST_AHEAD:
        raise PolicyError(f"ahead must lie between 1 and {MOST_AHEAD}", got=ahead, fix="correct --ahead")
    audit = database.settings.audit_schema
    with database.transaction(read_only=True):
        database.one("partitions/qualified")
        row: tuple[Any, ...] = database.one("partitions/plan_facts", {"audit": audit})
    facts = _Facts(*row)
    schema = _quoted(audit)
    if facts.partitioned:
        return _more(facts, schema, period, ahead)
    if facts.attached:
        raise UnsafeDatabase(
            f"renaming audit_changes would leave behind {', '.join(sorted(facts.attached))}",
            fix="drop these, carry out the plan, and make them again on the partitioned audit_changes",
        )
    bound = period.bound(facts.today)
    steps = (*_preparation(schema, bound), _switch(facts, schema, period, bound, ahead), _cleaning(schema))
    move = database.statement("partitions/move_back", undone=BACK).as_string(None).rstrip() + ";"
    return PartitionPlan(False, period.value, bound, steps, _back_out(facts, schema, move))


def _preparation(schema: str, bound: date) -> tuple[Step, Step]:
    drop = f"alter table {schema}.audit_changes drop constraint if exists {CHECK};"
    return (
        Step(
            f"Say that every row lies before {bound}. FROM THAT DAY ON WRITES FAIL until step 3 or the back-out",
            "ACCESS EXCLUSIVE on audit_changes for a moment, no scan; gives up after 500 ms of waiting: run it again",
            f"begin;\n{BRIEF}\n{drop}\nalter table {schema}.audit_changes add constraint {CHECK}\n"
            f"    check (captured_at < '{bound} 00:00:00+00') not valid;\ncommit;",
            drop,
        ),
        Step(
            "Validate it: one scan of the table, however long it takes",
            "SHARE UPDATE EXCLUSIVE on audit_changes: nobody waits; autovacuum of it and other DDL do",
            f"alter table {schema}.audit_changes validate constraint {CHECK};",
            drop,
        ),
    )


def _switch(facts: _Facts, schema: str, period: Period, bound: date, ahead: int) -> Step:
    lines = [
        "begin;",
        BRIEF,
        f"lock table {schema}.audit_transactions, {schema}.audit_changes in access exclusive mode;",
        f"alter table {schema}.audit_changes rename to {OLD};",
        *(f"alter index {schema}.{_quoted(n)} rename to {_quoted(_before(n))};" for n, *_ in facts.indexes),
        f"create table {schema}.audit_changes (like {schema}.{OLD} including defaults including generated",
        "    including storage including comments) partition by range (captured_at);",
        f"alter table {schema}.audit_changes owner to {facts.owner};",
        *(f"grant {grant.replace(' to ', f' on {schema}.audit_changes to ', 1)};" for grant in facts.grants),
        *(f"{definition};" for _, definition, unique in facts.indexes if unique == "false"),
        *(
            f"alter table {schema}.audit_changes add constraint {name} {definition};"
            for name, definition in facts.constraints
            if name != CHECK
        ),
        f"alter table {schema}.audit_changes attach partition {schema}.{OLD}",
        f"    for values from (minvalue) to ('{bound} 00:00:00+00');",
        *_partitions(facts, schema, list(period.spans(bound, ahead))),
        f"create table {schema}.audit_changes_default partition of {schema}.audit_changes (primary key (id)) default;",
        f"alter table {schema}.audit_changes_default owner to {facts.owner};",
        "commit;",
    ]
    return Step(
        f"Switch: the old table becomes the first partition, and {ahead} more are made",
        "ACCESS EXCLUSIVE on audit_transactions and audit_changes, catalog work alone, some 10 ms; writers wait for it "
        "and it waits for open transactions; gives up after 500 ms of waiting: run it again",
        "\n".join(lines),
        "the back-out below",
    )


def _cleaning(schema: str) -> Step:
    return Step(
        "Drop the constraint, which the partition's bound repeats, and tell the planner",
        "ACCESS EXCLUSIVE on the old table for a moment; then SHARE UPDATE EXCLUSIVE: nobody waits",
        f"begin;\n{BRIEF}\nalter table {schema}.{OLD} drop constraint if exists {CHECK};\ncommit;\n"
        f"analyze {schema}.audit_changes;",
    )


def _back_out(facts: _Facts, schema: str, move: str) -> tuple[Step, ...]:
    names = [(name, _before(name)) for name, *_ in facts.indexes]
    new = [name for name, _, unique in facts.indexes if unique == "false"]
    lines = [
        "begin;",
        BRIEF,
        f"lock table {schema}.audit_transactions, {schema}.audit_changes in access exclusive mode;",
        f"alter table {schema}.audit_changes detach partition {schema}.{OLD};",
        f"alter table {schema}.{OLD} drop constraint if exists {CHECK};",
        f"alter table {schema}.audit_changes rename to {BACK};",
        *(f"alter index {schema}.{_quoted(n)} rename to {_quoted(_after(n))};" for n in new),
        f"alter table {schema}.{OLD} rename to audit_changes;",
        *(f"alter index {schema}.{_quoted(before)} rename to {_quoted(name)};" for name, before in names),
        "commit;",
    ]
    return (
        Step(
            "Switch back: writes go into the old table again",
            "ACCESS EXCLUSIVE on audit_transactions and audit_changes, catalog work alone; gives up after 500 ms of "
            "waiting: run it again",
            "\n".join(lines),
        ),
        Step(
            "Move what was written meanwhile. REPEAT until it says 0 rows; readers miss those rows until then",
            "ROW EXCLUSIVE: nobody waits",
            move,
        ),
        Step(
            f"Drop the empty partitions; the first statement refuses while a row is left in {BACK}",
            "ACCESS EXCLUSIVE on audit_transactions for a moment, because the foreign keys go",
            f"begin;\n{BRIEF}\nlock table {schema}.{BACK} in access exclusive mode;\n"
            f"do $$ begin if exists (select from {schema}.{BACK}) then raise 'rows are left'; end if; end $$;\n"
            f"drop table {schema}.{BACK};\ncommit;",
        ),
    )


def _more(facts: _Facts, schema: str, period: Period, ahead: int) -> PartitionPlan:
    """Partitions that are missing ahead of now; whatever spans exist are left alone."""
    uppers = sorted(upper[:10] for *_, upper in facts.partitions if upper)
    first = date.fromisoformat(uppers[-1]) if uppers else period.start(facts.today)
    end = facts.today
    for _ in range(ahead):
        end = period.following(end)
    spans = [span for span in period.spans(first, ahead) if span[0] <= end]
    step = Step(
        f"Add {len(spans)} partitions from {first} on",
        "ACCESS EXCLUSIVE on audit_changes and on its default partition, which is scanned for rows of the span: make "
        "partitions before their time, while that one is empty",
        "\n".join(["begin;", BRIEF, *_partitions(facts, schema, spans), "commit;"]),
        "drop the new partitions while they are empty",
    )
    return PartitionPlan(True, period.value, first, (step,) if spans else ())


def _partitions(facts: _Facts, schema: str, spans: list[tuple[date, date]]) -> list[str]:
    return [
        f"create table {schema}.audit_changes_p{start:%Y%m%d} partition of {schema}.audit_changes (primary key (id))\n"
        f"    for values from ('{start} 00:00:00+00') to ('{end} 00:00:00+00');\n"
        f"alter table {schema}.audit_changes_p{start:%Y%m%d} owner to {facts.owner};"
        for start, end in spans
    ]


def _before(name: str) -> str:
    return _cut(name, "_before")


def _after(name: str) -> str:
    return _cut(name, "_undone")


def _cut(name: str, ending: str) -> str:
    """PostgreSQL cuts longer names at 63 bytes, by itself but not into different ones."""
    return name.encode()[: 63 - len(ending)].decode(errors="ignore") + ending


def _quoted(name: str) -> str:
    return name if name.isidentifier() and name.islower() and name.isascii() else '"' + name.replace('"', '""') + '"'
