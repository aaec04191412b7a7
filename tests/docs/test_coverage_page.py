"""docs/coverage.md lists every finding and check as the code has them."""

from pathlib import Path

from threadline_ops.coverage import RULES, Check

PAGE = (Path(__file__).parents[2] / "docs" / "coverage.md").read_text()


def test_every_finding_is_listed_with_its_severity_and_fix():
    for rule in RULES.values():
        assert f"| `{rule.id}` | {rule.severity.value} | {'yes' if rule.breaks else ''} | {rule.fix} |" in PAGE
    listed = {line.split("`")[1] for line in PAGE.partition("## Findings")[2].splitlines() if line.startswith("| `")}
    assert listed == set(RULES)


def test_every_check_is_listed_with_its_findings():
    for check in Check:
        findings = ", ".join(f"`{rule.id}`" for rule in RULES.values() if rule.check is check)
        assert f"| `{check.value}` | {findings} |" in PAGE
