"""The code location at hand: several of one instance have jobs of the same names, and each answers for its own runs."""

from __future__ import annotations

from dataclasses import dataclass

import dagster as dg

#: Of runs and assets: whose they are.
ENVIRONMENT_TAG = "threadline/environment"
#: Of runs of our jobs: what evidence calls it.
OPERATION_TAG = "threadline/operation"


@dataclass(frozen=True)
class CodeLocation:
    """Tells our runs from those of others in the same instance.

    Attributes:
        environment: the settings' name of it.
        repository: what is defined here; None in a run in the caller's own process, which does not know.
        name: what the workspace calls it; None where nothing was loaded through one.
    """

    environment: str
    repository: dg.RepositoryDefinition | None = None
    name: str | None = None

    def ran(self, run: dg.DagsterRun) -> bool:
        """Whether a run is of this code location.

        A job's run carries its environment; materializations from the UI only the code location they were asked of.
        """
        if not self._here(run):
            return False
        return OPERATION_TAG in run.tags if self.repository is None else self.repository.has_job(run.job_name)

    def _here(self, run: dg.DagsterRun) -> bool:
        if ENVIRONMENT_TAG in run.tags:
            return run.tags[ENVIRONMENT_TAG] == self.environment
        origin = run.remote_job_origin
        return origin is None or self.name is None or origin.location_name == self.name
