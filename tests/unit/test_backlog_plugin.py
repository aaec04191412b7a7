"""A claim of the repository's own backlog needs its test, and its test must pass."""

import pytest

from tests.backlog_plugin import document, lost

KEY = "retention.config_validated"
TEST = "tests/integration/test_x.py::test_it"


@pytest.fixture
def text() -> str:
    return document("", {KEY: {TEST: True}}, 0)


def test_what_the_session_showed_holds(text: str):
    assert f"| {KEY} |" in text
    assert lost(text, {KEY: {TEST: True}}, 0) == []


@pytest.mark.parametrize(
    ("outcomes", "failures", "problem"),
    [
        ({}, 0, "is missing"),
        ({KEY: {"tests/other.py::test_it": True}}, 0, "is missing"),
        ({KEY: {TEST: False}}, 1, "did not pass"),
        ({KEY: {TEST: True}}, 1, "parity.tests_pass: OK without a passing test"),
    ],
)
def test_a_lost_or_failed_test_is_a_lost_claim(text: str, outcomes, failures, problem):
    assert any(problem in found for found in lost(text, outcomes, failures))


def test_nobody_can_type_ok(text: str):
    line = next(line for line in text.split("\n") if line.startswith("| export.large_exports "))
    typed = text.replace(line, line.replace("Not run", "OK"))
    assert lost(typed, {KEY: {TEST: True}}, 0) == ["export.large_exports: OK without a passing test"]


def test_ci_makes_no_host_row_ok():
    shown = document("", {"retention.backups_aligned": {TEST: True}}, 0)
    line = next(line for line in shown.split("\n") if line.startswith("| retention.backups_aligned "))
    assert "| Not run | CI | pytest" in line
