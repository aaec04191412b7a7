"""The keys of every asset: AssetKeys are made here alone, so that an environment's name can stand in front of them all.

Dagster's catalog knows assets by their keys, whichever code location they are in. Several environments of one instance
would share each asset's page and its checks, and whichever ran last would hide the other's red one. So
`dashboard.prefix_asset_keys` puts the environment first. Like the pools' names, keys are those of the settings that the
code location was loaded with.
"""

from __future__ import annotations

import dagster as dg

from threadline_ops import settings as configuration
from threadline_ops.settings import Settings


def prefix_of(settings: Settings) -> tuple[str, ...]:
    """What stands in front of each key: the environment's name, or nothing."""
    return (settings.environment,) if settings.dashboard.prefix_asset_keys else ()


_prefix = prefix_of(configuration.load())


def key_of(*path: str) -> dg.AssetKey:
    """The key in this code location of what is called so in every one."""
    return dg.AssetKey([*_prefix, *path])


def path_of(key: dg.AssetKey) -> tuple[str, ...]:
    """What a key is called in every code location: the reverse of `key_of`."""
    return tuple(key.path[len(_prefix) :])


def instance_wide(name: str) -> str:
    """The name of something else that all code locations of an instance share, such as a set of partitions."""
    return key_of(name).to_user_string()
