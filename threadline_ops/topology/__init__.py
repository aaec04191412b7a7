"""Topology: what stands between here and PostgreSQL, and whether audited writes are right behind it.

Uses capture, whose tables and triggers it installs into a schema of its own to prove the actor's way.
"""

from threadline_ops.topology.contract import Probe
from threadline_ops.topology.detect import Facts, Mode, detect
from threadline_ops.topology.measure import Detected, Probed
from threadline_ops.topology.rows import HEADINGS, Matches, Row, compare, markdown
from threadline_ops.topology.run import EnvironmentReport, TopologyReport, TopologyRequest, run_topology

__all__ = [
    "HEADINGS",
    "Detected",
    "EnvironmentReport",
    "Facts",
    "Matches",
    "Mode",
    "Probe",
    "Probed",
    "Row",
    "TopologyReport",
    "TopologyRequest",
    "compare",
    "detect",
    "markdown",
    "run_topology",
]
