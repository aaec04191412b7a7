"""What every asset and op needs: the settings, read when a run starts."""

from __future__ import annotations

import dagster as dg

from threadline_ops import settings as configuration
from threadline_ops.settings import Settings


class Operations(dg.ConfigurableResource):
    """The settings of the audited database and of everything that runs against it.

    Connection strings stay in the environment of the process that runs (THREADLINE_OPS_DSN). They pass through no
    Dagster configuration, so that no run, no event and no page of the UI can show them.
    """

    def settings(self) -> Settings:
        """Environment over threadline.toml over defaults.

        Raises:
            SettingsError: a setting is unknown or wrong.
        """
        return configuration.load()
