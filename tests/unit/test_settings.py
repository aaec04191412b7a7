from pathlib import Path

import pytest

from threadline_ops import settings
from threadline_ops.errors import PolicyError, SettingsError

SECRET = "hunter2-%40-secret"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    import os

    for name in list(os.environ):
        if name.startswith(settings.PREFIX):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def write(text: str) -> None:
    Path("threadline.toml").write_text(text)


def test_defaults_load_without_a_connection_string():
    loaded = settings.load()
    assert loaded.dsn is None
    assert loaded.retention.enabled is False
    assert loaded.retention.batch_size == 500


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch):
    write("[retention]\nkeep_days = 10\nbatch_size = 7\n")
    monkeypatch.setenv("THREADLINE_OPS_RETENTION__KEEP_DAYS", "20")
    loaded = settings.load()
    assert (loaded.retention.keep_days, loaded.retention.batch_size) == (20, 7)


def test_both_windows_are_an_error_that_shows_both():
    write("[retention]\nkeep_days = 10\nmax_age_seconds = 7\n")
    with pytest.raises(PolicyError, match=r"keep_days \(10\) and max_age_seconds \(7\) are both set"):
        settings.load()


@pytest.mark.parametrize("window", ["0", "-1", '"30"', '"thirty"', "1.5", "true"])
@pytest.mark.parametrize("key", ["keep_days", "max_age_seconds"])
def test_a_window_is_a_positive_whole_number(key: str, window: str):
    write(f"[retention]\n{key} = {window}\n")
    with pytest.raises(PolicyError, match=rf"retention\.{key}"):
        settings.load()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[retention]\nkep_days = 10\n", "retention.kep_days"),
        ("[retension]\nkeep_days = 10\n", "retension"),
        ('[capture.tables."public.flights"]\nmasc = ["x"]\n', "masc"),
    ],
)
def test_an_unknown_key_is_an_error_that_names_it_and_the_known_ones(text: str, named: str):
    write(text)
    with pytest.raises(SettingsError, match="unknown setting") as caught:
        settings.load()
    assert named in str(caught.value)
    assert "known here" in str(caught.value)


def test_an_unknown_variable_is_an_error(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("THREADLINE_OPS_RETENTON__KEEP_DAYS", "20")
    with pytest.raises(SettingsError, match="THREADLINE_OPS_RETENTON__KEEP_DAYS"):
        settings.load()


def test_a_missing_named_file_is_an_error(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("THREADLINE_OPS_CONFIG", "nowhere.toml")
    with pytest.raises(SettingsError, match=r"nowhere\.toml"):
        settings.load()


def test_broken_toml_names_the_file():
    write("[retention\n")
    with pytest.raises(SettingsError, match=r"threadline\.toml cannot be read as TOML"):
        settings.load()


@pytest.mark.parametrize("name", settings.ENVIRONMENT_ONLY)
def test_a_connection_string_in_the_file_is_refused_and_not_shown(name: str):
    write(f'{name} = "postgresql://u:{SECRET}@h/d"\n')
    with pytest.raises(SettingsError, match=name) as caught:
        settings.load()
    assert SECRET not in str(caught.value)


def test_a_secret_never_shows(monkeypatch: pytest.MonkeyPatch):
    for name in settings.ENVIRONMENT_ONLY:
        monkeypatch.setenv(settings.PREFIX + name.upper(), f"postgresql://u:{SECRET}@h/d")
    loaded = settings.load()
    for text in (repr(loaded), str(loaded), str(loaded.redacted()), loaded.model_dump_json()):
        assert SECRET not in text
    assert loaded.redacted()["dsn"] == "set"


def test_a_connection_string_in_the_wrong_place_is_not_echoed(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("THREADLINE_OPS_RETENTION__KEEP_DAYS", f"postgresql://u:{SECRET}@h/d")
    with pytest.raises(PolicyError, match=r"retention\.keep_days") as caught:
        settings.load()
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("name", ["prod eu", "prod/eu", "prod:eu", "Prüfung", "*", ""])
def test_an_environment_in_front_of_keys_needs_a_name_that_fits(name: str):
    write(f'environment = "{name}"\n')
    assert settings.load().environment == name, "without the setting it is a name like any other"
    write(f'environment = "{name}"\n[dashboard]\nprefix_asset_keys = true\n')
    with pytest.raises(SettingsError, match=r"cannot stand in front of asset keys.*letters, digits, dashes, dots"):
        settings.load()
    write('environment = "Prod-eu_1.b"\n[dashboard]\nprefix_asset_keys = true\n')
    assert settings.load().dashboard.prefix_asset_keys
