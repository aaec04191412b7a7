"""threadline.toml is the reference of the settings: it must list every one, with the default that holds."""

import itertools
import re
import tomllib
from pathlib import Path

from threadline_ops.settings import ENVIRONMENT_ONLY, Settings

FILE = Path(__file__).parents[2] / "threadline.toml"


def defaults() -> dict[str, object]:
    plain = Settings().model_dump(mode="json", exclude=set(ENVIRONMENT_ONLY))
    flat: dict[str, object] = {}
    for name, value in plain.items():
        if isinstance(value, dict):
            flat |= {f"{name}.{key}": inner for key, inner in value.items()}
        else:
            flat[name] = value
    return flat


def test_every_setting_is_listed_with_its_default(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    # A commented setting has no default, a commented [table] is an example: both are read as if they stood there.
    text = FILE.read_text()
    listed = tomllib.loads(text)
    flat = {k: v for k, v in listed.items() if not isinstance(v, dict)}
    for section, content in listed.items():
        if isinstance(content, dict):
            flat |= {f"{section}.{key}": value for key, value in content.items()}
    commented = set(re.findall(r"^# ([a-z_]+) = ", text, re.MULTILINE))
    for name, value in defaults().items():
        if value in (None, {}, []):
            assert name.split(".")[-1] in commented or name in flat or f"[{name}" in text, f"{name} is not documented"
        else:
            assert flat.get(name) == value, name
    assert set(flat) <= set(defaults()), "a listed setting does not exist"


def test_every_setting_has_a_line_of_why():
    lines = FILE.read_text().splitlines()
    for before, line in itertools.pairwise(lines):
        if re.match(r"(# )?[a-z_]+ = ", line):
            assert before.startswith("# "), line
