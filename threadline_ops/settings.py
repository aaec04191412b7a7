"""Settings: environment over threadline.toml over defaults; connection strings from the environment only.

`threadline.toml` at the root of the repository lists every setting with its default and one line of why;
a test keeps that file and these classes equal.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, cast, get_args

from pydantic import (
    BaseModel,
    Field,
    SecretStr,
    StrictStr,
)
from pydantic import ValidationError as PydanticError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from threadline_ops.declared import ENVIRONMENT_SECRETS, EnvironmentName, EnvironmentSettings, WritePath, hide
from threadline_ops.errors import PolicyError, SettingsError
from threadline_ops.oversight import AlertsSettings, RolesSettings
from threadline_ops.scheduled import BudgetSettings, DashboardSettings, ScheduleSettings, check_key_prefix
from threadline_ops.sections import (
    ArchiveSettings,
    BacklogSettings,
    CaptureSettings,
    ContinuitySettings,
    CoverageSettings,
    DatabaseSettings,
    EvidenceSettings,
    ExportSettings,
    RetentionSettings,
)

PREFIX = "THREADLINE_OPS_"
#: Where `threadline.toml` is looked for, unless the environment names another file.
CONFIG_VARIABLE = PREFIX + "CONFIG"
#: Connection strings carry passwords, so a file that may be committed is no place for them.
ENVIRONMENT_ONLY = ("dsn", "direct_dsn", "archive_uri", "iceberg_catalog", "github_token", "alert_urls")


class Settings(BaseSettings):
    """Everything that can be configured.

    Loads without a connection string, so that Dagster definitions always import.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
    )

    dsn: SecretStr | None = None
    direct_dsn: SecretStr | None = None
    archive_uri: SecretStr | None = None
    iceberg_catalog: SecretStr | None = None
    github_token: SecretStr | None = None
    alert_urls: SecretStr | None = None
    environment: StrictStr = "local"
    environment_class: Literal["ci", "host"] = "host"
    database: DatabaseSettings = DatabaseSettings()
    retention: RetentionSettings = RetentionSettings()
    export: ExportSettings = ExportSettings()
    archive: ArchiveSettings = ArchiveSettings()
    capture: CaptureSettings = CaptureSettings()
    coverage: CoverageSettings = CoverageSettings()
    continuity: ContinuitySettings = ContinuitySettings()
    evidence: EvidenceSettings = EvidenceSettings()
    environments: dict[EnvironmentName, EnvironmentSettings] = Field(default_factory=dict)
    write_paths: tuple[WritePath, ...] = ()
    backlog: BacklogSettings = BacklogSettings()
    roles: RolesSettings = RolesSettings()
    alerts: AlertsSettings = AlertsSettings()
    schedules: ScheduleSettings = ScheduleSettings()
    budgets: BudgetSettings = BudgetSettings()
    dashboard: DashboardSettings = DashboardSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Environment first, then the file that `load` checked; no .env files, no secrets directory."""
        del dotenv_settings, file_secret_settings
        return (init_settings, env_settings, TomlConfigSettingsSource(settings_cls, _config_file()))

    @property
    def evidence_store(self) -> str:
        """The evidence store's name; two stores that are anchored in one database need two names."""
        return self.evidence.store or self.environment

    def redacted(self) -> dict[str, Any]:
        """The settings as plain data for logs and evidence: connection strings appear only as set or not."""
        plain = self.model_dump(mode="json", exclude=set(ENVIRONMENT_ONLY))
        hide(plain)
        return plain | {name: "set" if getattr(self, name) else None for name in ENVIRONMENT_ONLY}


def load(**overrides: Any) -> Settings:
    """Read the settings once.

    Args:
        overrides: top-level settings that win over environment and file (flags of a command).

    Raises:
        SettingsError: an unknown key, a wrong value, values that contradict each other, or a connection string in the
            file.
        PolicyError: the same, below `retention`.
    """
    _check_file(_config_file())
    _check_environment(os.environ)
    try:
        settings = Settings(**overrides)
    except PydanticError as error:
        raise _translated(error) from None
    check_key_prefix(settings.environment, settings.dashboard)
    return settings


def _config_file() -> Path:
    return Path(os.environ.get(CONFIG_VARIABLE, "threadline.toml"))


def _check_file(path: Path) -> None:
    if not path.exists():
        if CONFIG_VARIABLE in os.environ:
            raise SettingsError("the settings file does not exist", got=str(path), fix=f"correct {CONFIG_VARIABLE}")
        return
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        place = getattr(error, "lineno", None)
        raise SettingsError(
            f"{path.name} cannot be read as TOML" + (f", line {place}" if place else ""),
            fix="correct the file's syntax",
        ) from None
    for name in _secrets_in(content):
        raise SettingsError(
            f"{name} must not stand in {path.name}, which may be committed",
            fix=f"set {PREFIX}{name.upper().replace('.', '__')} in the environment",
        )


def _secrets_in(content: dict[str, Any]) -> list[str]:
    """Connection strings that a file holds, by the names of their settings."""
    found = [name for name in ENVIRONMENT_ONLY if name in content]
    environments = content.get("environments")
    declared = cast("dict[str, Any]", environments) if isinstance(environments, dict) else {}
    for name, section in declared.items():
        found += [f"environments.{name}.{key}" for key in ENVIRONMENT_SECRETS if key in section]
    return found


def _check_environment(environment: Mapping[str, str]) -> None:
    """Refuse THREADLINE_OPS_ variables that name no setting: pydantic reads only those that it knows."""
    known = {PREFIX + name.upper() for name in Settings.model_fields} | {CONFIG_VARIABLE}
    for name in environment:
        if name.upper().startswith(PREFIX) and name.upper().split("__")[0] not in known:
            raise SettingsError(
                "unknown setting in the environment", got=name, fix=f"use one of {', '.join(sorted(known))}"
            )


def _translated(error: PydanticError) -> SettingsError:
    """The first problem in our words; pydantic's own text could quote a connection string."""
    problem = error.errors(include_url=False, include_context=False)[0]
    place = [str(part) for part in problem["loc"]]
    key = ".".join(place)
    kind = PolicyError if place and place[0] == "retention" else SettingsError
    if problem["type"] == "extra_forbidden":
        return kind("unknown setting", got=key, fix=f"known here: {', '.join(_known(place[:-1]))}")
    reason = problem["msg"].removeprefix("Value error, ")
    return kind(
        f"setting {key} is not acceptable: {reason[0].lower()}{reason[1:]}",
        got=_showable(key, problem["input"]),
        fix=f"correct {key} in threadline.toml or {PREFIX}{key.upper().replace('.', '__')}",
    )


def _showable(key: str, value: object) -> object:
    """The offending value when it cannot be a connection string, else nothing."""
    if key.split(".")[-1] in (*ENVIRONMENT_ONLY, *ENVIRONMENT_SECRETS) or not isinstance(value, str | int | float):
        return None
    text = str(value)
    return None if "://" in text or "=" in text or len(text) > 100 else value


def _known(place: list[str]) -> list[str]:
    model: type[BaseModel] = Settings
    for part in place:
        # A part that is no field is the key of a table, or an index, inside the model at hand.
        field = model.model_fields.get(part)
        model = (_model_in(field.annotation) if field else None) or model
    return sorted(model.model_fields)


def _model_in(annotation: object) -> type[BaseModel] | None:
    """The section that a setting holds, be it alone, in a table or in a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := _model_in(inner))), None)
