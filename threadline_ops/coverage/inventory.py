"""The coverage of every table: covered, uncovered, broken or missing, and why."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from threadline_ops.capture import names
from threadline_ops.capture.names import DEFAULT_FUNCTION, Table
from threadline_ops.capture.objects import Trigger
from threadline_ops.capture.triggers import settings_by_table
from threadline_ops.coverage import catalog, evidence_sql, functions, triggers
from threadline_ops.coverage.catalog import Catalog, DeployedFunction, DeployedTable, DeployedTrigger
from threadline_ops.coverage.deployed import implied, origin
from threadline_ops.coverage.quick import exactly_as_wanted
from threadline_ops.coverage.rules import Finding, found
from threadline_ops.coverage.wanted import PLAIN, Definitions, misfit
from threadline_ops.database import Database
from threadline_ops.sections import CaptureTable
from threadline_ops.settings import Settings


class Status(Enum):
    """What coverage says of one table."""

    COVERED = "covered"
    UNCOVERED = "uncovered"
    BROKEN = "broken"
    MISSING = "missing"


@dataclass(frozen=True)
class TableCoverage:
    """One table's coverage.

    Attributes:
        expected: the settings expect it to be captured.
        findings: worst first.
    """

    table: Table
    status: Status
    expected: bool
    findings: tuple[Finding, ...] = ()

    @property
    def reason(self) -> str:
        """Why it is not simply covered, in one line."""
        whats = [finding.what for finding in self.findings]
        if whats:
            return whats[0] + (f" (and {len(whats) - 1} more)" if len(whats) > 1 else "")
        return "no capture trigger" if self.status is Status.UNCOVERED else ""

    @property
    def violation(self) -> bool:
        """Whether it is expected and not covered."""
        return self.expected and self.status is not Status.COVERED


@dataclass(frozen=True)
class Inventory:
    """The coverage of all inspected schemas.

    Attributes:
        tables: violations first, missing ones before others, then by name.
        findings: of functions, which belong to no table alone.
        fingerprint: changes when the catalog or the settings that matter do.
    """

    tables: tuple[TableCoverage, ...]
    findings: tuple[Finding, ...]
    fingerprint: str

    @property
    def violations(self) -> tuple[TableCoverage, ...]:
        """Expected tables that are not covered."""
        return tuple(table for table in self.tables if table.violation)

    @property
    def all_findings(self) -> tuple[Finding, ...]:
        """Those of tables and of functions, worst first."""
        return worst_first((*(f for table in self.tables for f in table.findings), *self.findings))

    def count(self, status: Status) -> int:
        """How many tables have a status."""
        return sum(table.status is status for table in self.tables)


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """In order of severity; broken capture before other harm."""
    return tuple(sorted(findings, key=lambda f: (f.severity.value, not f.breaks, f.id, f.subject)))


def expected_tables(settings: Settings) -> frozenset[Table]:
    """The tables that must be captured: those expected, and those with capture settings."""
    schema = settings.database.audit_schema
    listed = {names.parse(name, schema) for name in settings.coverage.expected_tables}
    return frozenset(listed | set(settings_by_table(settings.capture, schema)))


def inventory(database: Database, settings: Settings) -> Inventory:
    """Compare every table with what its settings imply, in one pass over the catalog.

    Raises:
        SchemaMissing: there are no audit tables.
        SettingsError: a table's name cannot be read.
    """
    return compare(deployed(database, settings), settings)


def deployed(database: Database, settings: Settings) -> Catalog:
    """The catalog of every schema that the settings look at; errors as of `inventory`."""
    database.require_audit_schema()
    expected = expected_tables(settings)
    schemas = {*settings.coverage.schemas, *(table.schema for table in expected)}
    with database.transaction(read_only=True):
        return catalog.read(database, schemas)


def compare(there: Catalog, settings: Settings) -> Inventory:
    """Compare one state of the catalog with the settings; pure."""
    return _Comparison(there, settings, expected_tables(settings)).inventory()


class _Comparison:
    def __init__(self, there: Catalog, settings: Settings, expected: frozenset[Table]) -> None:
        self.there = there
        self.audit_schema = settings.database.audit_schema
        self.definitions = Definitions(self.audit_schema)
        self.settings = settings_by_table(settings.capture, self.audit_schema)
        self.expected = expected
        self.tables: Mapping[Table, DeployedTable] = {item.table: item for item in there.tables}
        self.by_oid = {item.oid: item for item in there.tables}
        self.children: dict[int, list[DeployedTable]] = defaultdict(list)
        for item in there.tables:
            for parent in () if item.partition else item.parents:
                self.children[parent].append(item)
        self.in_use: dict[int, tuple[DeployedFunction, bool]] = {}
        self.callers = Counter(
            trigger.function.oid for item in there.tables for trigger in item.triggers if not trigger.copied
        )

    @cached_property
    def named(self) -> dict[str, Table]:
        """Which table a function belongs to by its name; asked for only where several tables share one."""
        return {names.function_name(table, self.audit_schema): table for table in self.tables}

    def inventory(self) -> Inventory:
        rows = [self._table(item) for item in self.there.tables if not item.partition or item.table in self.expected]
        rows += [_missing(table) for table in self.expected - self.tables.keys()]
        order = {Status.MISSING: 0, Status.UNCOVERED: 1, Status.BROKEN: 1, Status.COVERED: 1}
        rows.sort(key=lambda row: (not row.violation, order[row.status], row.table))
        return Inventory(tuple(rows), worst_first(self._functions()), self.there.fingerprint)

    def _table(self, item: DeployedTable) -> TableCoverage:
        expected = item.table in self.expected
        settings = self.settings.get(item.table, PLAIN)
        if self._healthy(item, settings):
            return TableCoverage(item.table, Status.COVERED, expected)
        wanted = self.definitions.triggers(item.shape, settings)
        claiming = triggers.row_triggers(item, wanted[0])
        if not claiming:
            what = "no trigger captures its changes"
            lacking = found("table_uncovered", item.table, what, evidence_sql.triggers(item.table))
            return TableCoverage(item.table, Status.UNCOVERED, expected, (lacking,) if expected else ())
        findings = worst_first(self._findings(item, settings, wanted, claiming))
        status = Status.BROKEN if any(finding.breaks for finding in findings) else Status.COVERED
        return TableCoverage(item.table, status, expected, findings)

    def _healthy(self, item: DeployedTable, settings: CaptureTable) -> bool:
        """Whether a quick look settles it."""
        if item.oid in self.children or not exactly_as_wanted(item, settings, self.definitions):
            return False
        function = item.triggers[0].function
        if function.name != DEFAULT_FUNCTION and self.callers[function.oid] > 1:
            return False
        self.in_use[function.oid] = (function, True)
        return True

    def _findings(
        self, item: DeployedTable, settings: CaptureTable, wanted: tuple[Trigger, ...], claiming: list[DeployedTrigger]
    ) -> Iterator[Finding]:
        table = item.table
        first, *others = claiming
        yield from triggers.compare(table, first, wanted[0])
        if others:
            names_ = ", ".join(trigger.name for trigger in others)
            yield found(
                "trigger_duplicate",
                table,
                f"{names_} captures as well, so that rows count twice",
                evidence_sql.triggers(table),
            )
        if item.unlogged:
            yield found("table_unlogged", table, "a crash empties it, unseen", evidence_sql.relation(table))
        yield from self._function(item, settings, first.function)
        if first.enabled != "D":  # which goes for the partitions as well
            yield from triggers.compare_partitions(item, self.tables)
        yield from triggers.compare_children(table, self.children[item.oid])
        yield from triggers.compare_truncate(table, self.tables, wanted[1:])

    def _function(self, item: DeployedTable, settings: CaptureTable, function: DeployedFunction) -> Iterator[Finding]:
        table, evidence = item.table, evidence_sql.function(function.oid)
        unfit = misfit(item.shape, settings, has_primary_key=item.has_primary_key)
        if unfit is not None:
            what = f"{unfit.what} (got {unfit.got!r})"
            yield found("settings_unfit", table, what, evidence_sql.columns(table), fix=unfit.fix)
            return
        if not function.name.startswith(DEFAULT_FUNCTION):
            yield found("wrong_function", table, f"its trigger calls {function}, which does not capture", evidence)
            return
        shared = function.name != DEFAULT_FUNCTION and self.callers[function.oid] > 1
        if shared and self.named.get(function.name) != table:
            what = f"it is captured by {function}, which another table's settings shape as well"
            yield found("function_shared", table, what, evidence)
            return
        wanted = implied(item.shape, settings, self.definitions)
        there = origin(function, item.shape, settings, wanted, self.definitions)
        if there is not None:
            self.in_use[function.oid] = (function, there.ours)
        yield from functions.compare(function, there, wanted, item.shape)

    def _functions(self) -> Iterator[Finding]:
        ours = False
        for function, made_by_us in self.in_use.values():
            ours = ours or made_by_us
            wanted = self.definitions.shared[DEFAULT_FUNCTION] if made_by_us else None
            yield from functions.compare_clauses(function, wanted)
        if ours:
            deployed = {f.name: f for f in self.there.functions if f.schema == self.audit_schema}
            yield from functions.compare_shared(deployed, self.definitions)


def _missing(table: Table) -> TableCoverage:
    what = "the table does not exist"
    return TableCoverage(
        table, Status.MISSING, True, (found("table_missing", table, what, evidence_sql.relation(table)),)
    )
