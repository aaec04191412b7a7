"""Write paths: exercise each way in which the host writes, and check what capture recorded of it."""

from threadline_ops.write_paths.checks import Check
from threadline_ops.write_paths.run import HEADINGS, PathResult, ProbeReport, ProbeRequest, markdown, run_probes

__all__ = ["HEADINGS", "Check", "PathResult", "ProbeReport", "ProbeRequest", "markdown", "run_probes"]
