"""Environments to look at: the one that this process lives in, and those that the settings declare."""

from __future__ import annotations

from dataclasses import dataclass, field

from threadline_ops.declared import EnvironmentSettings
from threadline_ops.errors import SettingsError
from threadline_ops.settings import Settings


@dataclass(frozen=True)
class Target:
    """One environment with the settings that reach it.

    Attributes:
        settings: as loaded, but for the connection strings, which are this environment's.
        reachable: there is a connection string for it here.
    """

    name: str
    environment_class: str
    declared: EnvironmentSettings
    settings: Settings = field(repr=False)

    @property
    def reachable(self) -> bool:
        """Whether this process has a connection string for it."""
        return self.settings.dsn is not None


def targets(settings: Settings, names: tuple[str, ...] = ()) -> tuple[Target, ...]:
    """The environments of the settings in their order; the process's own comes first where none declares it.

    Args:
        settings: with `[environments.*]`, or none: then the process's own environment is the only one.
        names: only these.

    Raises:
        SettingsError: no such environment, or two of them call themselves production.
    """
    declared = dict(settings.environments)
    if settings.environment not in declared and (settings.dsn is not None or not declared):
        declared = {settings.environment: EnvironmentSettings()} | declared
    productions = [name for name, environment in declared.items() if environment.production]
    if len(productions) > 1:
        raise SettingsError(
            "more than one environment is production", got=productions, fix="set production = true on one"
        )
    for name in names:
        if name not in declared:
            raise SettingsError(
                "there is no such environment", got=name, fix=f"use one of {', '.join(declared)}, or declare it"
            )
    return tuple(_target(settings, name, declared[name]) for name in names or declared)


def own(settings: Settings) -> Target:
    """The environment that this process lives in, declared or not."""
    return _target(
        settings, settings.environment, settings.environments.get(settings.environment, EnvironmentSettings())
    )


def _target(settings: Settings, name: str, declared: EnvironmentSettings) -> Target:
    here = name == settings.environment
    strings = {
        "dsn": declared.dsn or (settings.dsn if here else None),
        "direct_dsn": declared.direct_dsn or (settings.direct_dsn if here else None),
    }
    environment_class = declared.environment_class or settings.environment_class
    update = strings | {"environment": name, "environment_class": environment_class}
    return Target(name, environment_class, declared, settings.model_copy(update=update))
