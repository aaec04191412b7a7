"""Operations for Threadline-audited PostgreSQL: retention, exports, coverage, continuity and evidence."""

from importlib.metadata import version

__version__ = version("threadline-ops")
