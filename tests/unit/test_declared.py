"""Environments and write paths as settings: strict, and without a secret in any file or message."""

from pathlib import Path

import pytest

from threadline_ops.declared import EnvironmentSettings
from threadline_ops.errors import SettingsError
from threadline_ops.settings import Settings, load
from threadline_ops.topology.targets import targets

HTTP = (
    '[[write_paths]]\nname = "book"\nkind = "http"\nurl = "http://localhost/x"\nwrites = ["insert public.bookings"]\n'
)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "threadline.toml"


def test_connection_strings_of_environments_come_from_the_environment(file: Path, monkeypatch: pytest.MonkeyPatch):
    file.write_text("[environments.staging]\nallow_writes = true\n")
    monkeypatch.setenv("THREADLINE_OPS_ENVIRONMENTS__STAGING__DSN", "postgresql://u:hidden@h/d")
    settings = load()
    staging = settings.environments["staging"]
    assert staging.allow_writes
    assert staging.dsn is not None
    assert staging.dsn.get_secret_value() == "postgresql://u:hidden@h/d"
    assert "hidden" not in repr(settings) + str(settings.redacted())
    assert settings.redacted()["environments"]["staging"]["dsn"] == "set"


def test_a_file_may_not_hold_them(file: Path):
    file.write_text('[environments.staging]\nadmin_dsn = "postgresql://u:hidden@h/d"\n')
    with pytest.raises(SettingsError, match=r"THREADLINE_OPS_ENVIRONMENTS__STAGING__ADMIN_DSN") as caught:
        load()
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[environments.staging]\ncolour = 1\n", "known here: admin_dsn, allow_writes"),
        ('[[write_paths]]\nname = "a"\nkind = "http"\ncolour = 1\n', "known here: actor_types, body"),
        ("[environments.Staging]\n", "environments"),
        (HTTP.replace('url = "http://localhost/x"\n', ""), "needs a url"),
        (HTTP.replace("http://localhost", "http://u:p@localhost"), "must not hold a user or password"),
        (HTTP.replace("http://localhost/x", "file:///etc/passwd"), "must start with http"),
        (HTTP.replace('["insert public.bookings"]', "[]"), "does not say what it writes"),
        (HTTP.replace("insert public", "upsert public"), "write_paths"),
        (HTTP.replace('"http"', '"job"'), "exactly one of command, sql, dagster"),
        ('[[write_paths]]\nname="j"\nkind="job"\nsql="delete from x"\nwrites=["insert t"]\n', "must be one insert"),
        ('[environments.a]\nallow_writes = "yes"\n', "allow_writes"),
    ],
)
def test_mistakes_are_named(file: Path, text: str, message: str):
    file.write_text(text)
    with pytest.raises(SettingsError, match=message):
        load()


def test_a_path_out_of_scope_needs_no_address(file: Path):
    file.write_text('[[write_paths]]\nname = "a"\nkind = "http"\nnot_applicable = "read-only by docs/scope.md"\n')
    assert load().write_paths[0].not_applicable


def test_two_productions_are_refused():
    environments = {name: EnvironmentSettings(production=True) for name in ("a", "b")}
    with pytest.raises(SettingsError, match="more than one environment is production"):
        targets(Settings(environments=environments))


def test_an_unknown_environment_is_refused():
    with pytest.raises(SettingsError, match="no such environment"):
        targets(Settings(), ("nowhere",))
