"""Compares the functions that capture tables with what the settings imply."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from threadline_ops.capture.names import DEFAULT_FUNCTION
from threadline_ops.capture.objects import Function
from threadline_ops.capture.policy import Shape
from threadline_ops.coverage import evidence_sql
from threadline_ops.coverage.catalog import DeployedFunction
from threadline_ops.coverage.deployed import Origin
from threadline_ops.coverage.rules import Finding, found
from threadline_ops.coverage.wanted import Definitions

_VOLATILITY = {"v": "volatile", "s": "stable", "i": "immutable"}


def compare(function: DeployedFunction, there: Origin | None, wanted: Origin, shape: Shape) -> Iterator[Finding]:
    """What is wrong with what a table's function records."""
    table, evidence = shape.table, evidence_sql.function(function.oid)
    if there is None:
        yield found("function_altered", table, f"{function} is not a capture function as made by any version", evidence)
        return
    if not there.actor:
        yield found("actor_not_recorded", table, f"{function} records no actor", evidence)
    if set(there.key.columns) != set(wanted.key.columns):
        there_key, wanted_key = (", ".join(item.key.columns) for item in (there, wanted))
        what = f"{function} records ({there_key}) as the key, and the table's is ({wanted_key})"
        yield found("key_not_recorded", table, what, evidence)
    elif there.key.typed != wanted.key.typed:
        what = f"{function} records the key as {_typed(there)} instead of {_typed(wanted)}"
        yield found("key_form_drift", table, what, evidence)
    elif wanted.key.whole_row:
        yield found("table_without_key", table, "no primary key or other unique key identifies a row", evidence)
    yield from _redaction(there, wanted, function, shape, evidence)
    yield from _before_values(there, wanted, function, shape, evidence)
    if there.noops_skipped != wanted.noops_skipped:
        what = f"{function} {'skips' if there.noops_skipped else 'records'} updates that change nothing"
        yield found("noop_drift", table, what, evidence)


def _redaction(
    there: Origin, wanted: Origin, function: DeployedFunction, shape: Shape, evidence: str
) -> Iterator[Finding]:
    missing = sorted((wanted.exclude - there.exclude) | (wanted.mask - there.mask))
    extra = sorted((there.exclude - wanted.exclude) | (there.mask - wanted.mask))
    parts = [f"the settings redact {', '.join(missing)} and the function does not"] if missing else []
    parts += [f"the function redacts {', '.join(extra)} and the settings do not"] if extra else []
    parts += ["the placeholders differ"] if not parts and wanted.placeholder != there.placeholder else []
    if parts:
        yield found("redaction_drift", shape.table, f"{function}: {'; '.join(parts)}", evidence)
    elif there.ours and wanted.known - there.known:
        new = ", ".join(sorted(wanted.known - there.known))
        what = f"{new} came after the redaction was deployed and is captured in clear"
        yield found("column_unreviewed", shape.table, what, evidence_sql.columns(shape.table))


def _before_values(
    there: Origin, wanted: Origin, function: DeployedFunction, shape: Shape, evidence: str
) -> Iterator[Finding]:
    parts: list[str] = []
    if wanted.before != there.before:
        parts.append(f"before-values are {_on(there.before)}, in the settings {_on(wanted.before)}")
    if wanted.unseen - wanted.exclude != there.unseen - there.exclude:
        parts.append("except_columns differ from the settings")
    if parts:
        yield found("before_values_drift", shape.table, f"{function}: {'; '.join(parts)}", evidence)


def _on(value: bool) -> str:
    return "on" if value else "off"


def _typed(origin: Origin) -> str:
    return "typed values" if origin.key.typed else "text"


def compare_clauses(function: DeployedFunction, wanted: Function | None) -> Iterator[Finding]:
    """What is wrong with a function's rights and settings.

    Args:
        function: one that is in use.
        wanted: ours with the clauses that it should have; none for Threadline's, which pins nothing.
    """
    evidence = evidence_sql.function(function.oid)
    deployed = {name.lower(): value for name, _, value in (item.partition("=") for item in function.settings)}
    if (wanted is None or wanted.settings) and not _is_pinned(deployed.get("search_path", "")):
        what = "runs with a search_path that lets a temp table take its rows"
        yield found("search_path_unpinned", function, what, evidence)
    pins = wanted.settings if wanted else ()
    missing = [name for name, value in pins if name != "search_path" and deployed.get(name.lower()) != value]
    if missing:
        what = f"does not pin {', '.join(missing)}, so that what is captured depends on who writes"
        yield found("function_pins_missing", function, what, evidence)
    if (wanted is None or wanted.security_definer) and not function.definer:
        what = "runs with the writer's rights, so the application's role must hold rights on the audit tables"
        yield found("function_invoker", function, what, evidence)
    if function.definer and function.public_may_execute and not (wanted and wanted.public_may_execute):
        what = "may be executed by PUBLIC, which lets anyone attach it to a table of his own and forge changes"
        yield found("function_public", function, what, evidence)
    if function.definer and not function.owner_may_write:
        what = f"runs as {function.owner}, who may not insert into the audit tables: captured writes fail"
        yield found("function_owner_powerless", function, what, evidence)


def _is_pinned(path: str) -> bool:
    """Pinned, with pg_temp named and last: unless it is named, pg_temp is searched first of all."""
    names = [name.strip().strip('"') for name in path.split(",")]
    return len(names) > 1 and names[-1] == "pg_temp" and "$user" not in names


def compare_shared(deployed: Mapping[str, DeployedFunction], definitions: Definitions) -> Iterator[Finding]:
    """What is wrong with the functions that our row functions and TRUNCATE triggers need.

    The default row function is looked at through the tables that it captures.
    """
    for name, wanted in definitions.shared.items():
        if name == DEFAULT_FUNCTION:
            continue
        function = deployed.get(name)
        if function is None:
            evidence = evidence_sql.functions_named(definitions.audit_schema, name)
            yield found("shared_function_missing", name, "is not there, and captured writes may fail", evidence)
            continue
        same = (function.body.strip(), function.arguments, function.returns, function.language) == (
            wanted.body,
            wanted.arguments,
            wanted.returns,
            "plpgsql",
        )
        if not same or _VOLATILITY.get(function.volatility) != wanted.volatility:
            evidence = evidence_sql.function(function.oid)
            yield found("shared_function_altered", function, "is not the one that this version installs", evidence)
        else:
            yield from compare_clauses(function, wanted)
