"""Dagster jobs, schedules, sensors and definitions: wiring only."""
