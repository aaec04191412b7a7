"""Dagster assets, checks and resources: library events become logs, results become metadata."""
