"""What can be shown about the code's own habits and its dependencies without a network."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("threadline_ops", "assets", "jobs", "tests", "benchmarks")
LOCK = (ROOT / "requirements.lock").read_text()


def test_no_process_is_started_through_a_shell():
    """Ruff's S rules say so of the product; tests and benchmarks are exempt from those, and not from this."""
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for room in ROOMS
        for path in sorted((ROOT / room).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and _starts_a_shell(node)
    ]
    assert not found


def _starts_a_shell(call: ast.Call) -> bool:
    shell = any(
        word.arg == "shell" and not (isinstance(word.value, ast.Constant) and not word.value.value)
        for word in call.keywords
    )
    return shell or ast.unparse(call.func) in ("os.system", "os.popen", "subprocess.getoutput")


def test_that_check_would_notice_one():
    (call,) = (node for node in ast.walk(ast.parse("subprocess.run(x, shell=yes)")) if isinstance(node, ast.Call))
    assert _starts_a_shell(call)


def test_every_locked_package_has_one_version_and_hashes_and_no_place():
    blocks = re.split(r"\n(?=\S)", LOCK.strip())
    assert len(blocks) > 50
    for block in blocks:
        assert re.match(r"^[a-z0-9][a-z0-9._-]*==[^\s;]+( ;[^\\\n]+)? \\\n", block), block.splitlines()[0]
        assert re.fullmatch(r"(\s+--hash=sha256:[0-9a-f]{64}( \\)?\n?)+", "\n" + block.partition("\n")[2]), block[:80]
    assert "://" not in LOCK


@pytest.mark.thorough
def test_the_bill_of_materials_lists_the_lock(tmp_path: Path):
    words = re.search(
        r"^sbom:.*\n(?:\t.*\n)*?\t(?:@)?\$\(BIN\)/cyclonedx-py (.*)$", (ROOT / "Makefile").read_text(), re.M
    )
    assert words is not None
    output = tmp_path / "sbom.json"
    arguments = words[1].replace("$(SBOM)", str(output)).split()
    done = subprocess.run(
        [sys.executable, "-m", "cyclonedx_py", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(output.read_text())
    listed = {(part["name"], part["version"]) for part in document["components"]}
    assert listed == set(re.findall(r"^([a-z0-9._-]+)==([^\s;]+)", LOCK, re.M))
    assert document["metadata"]["component"]["name"] == "threadline-ops"
    assert all(part["externalReferences"][0]["hashes"] for part in document["components"])
