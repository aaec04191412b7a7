"""No code path of continuity can write to the audited database: not in SQL, and not in a transaction that would let it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import threadline_ops

PACKAGE = Path(threadline_ops.__file__).parent
STATEMENTS = sorted((PACKAGE / "sql" / "continuity").rglob("*.sql"))
#: The optional table of the suite's own is written by one module, with statements that name no other schema.
COPIES = PACKAGE / "continuity" / "copies.py"
MODULES = sorted(set((PACKAGE / "continuity").glob("*.py")) - {COPIES})
WRITING = re.compile(
    r"\b(insert|update|delete|merge|truncate|create|alter|drop|grant|call|do|nextval|setval|from stdin)\b"
)


def writes(statement: str) -> list[str]:
    """The words of a statement that could write, leaving out comments and quoted text."""
    code = re.sub(r"--.*", "", statement)
    return WRITING.findall(re.sub(r"'[^']*'", "''", code).lower())


def writable(source: str) -> list[int]:
    """The lines that open a transaction of the database without having the server refuse writes."""
    return sorted(
        call.lineno
        for call in ast.walk(ast.parse(source))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr == "transaction"
        and not (isinstance(call.func.value, ast.Attribute) and call.func.value.attr == "connection")
        and not any(
            word.arg == "read_only" and isinstance(word.value, ast.Constant) and word.value.value is True
            for word in call.keywords
        )
    )


@pytest.mark.parametrize("path", STATEMENTS, ids=lambda path: path.stem)
def test_no_statement_writes(path: Path):
    assert writes(path.read_text()) == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_every_transaction_is_read_only(path: Path):
    assert writable(path.read_text()) == []


def test_what_writes_knows_the_operations_schema_alone():
    statements = set(re.findall(r'"(\w+/\w+)"', COPIES.read_text()))
    assert statements == {"baseline/create_table", "baseline/create_index", "baseline/clear", "baseline/add"}
    for name in statements:
        text = (PACKAGE / "sql" / f"{name}.sql").read_text()
        assert set(re.findall(r"\{(\w+)\}", text)) == {"operations"}
        assert not re.search(r"(?<!_)audit_|public\.", re.sub(r"--.*", "", text))


def test_both_checks_can_fail():
    assert writes("-- why\ninsert into {audit}.audit_changes select 'update'") == ["insert"]
    assert writes("copy {audit}.audit_changes from stdin") == ["from stdin"]
    assert writable("with database.transaction(snapshot=True): pass\nself.database.transaction(read_only=False)") == [
        1,
        2,
    ]
    assert len(STATEMENTS) > 20
    assert sum(path.read_text().count("database.transaction(read_only=True") for path in MODULES) > 8
