"""Alerts: what is wrong, told once to whoever should hear of it, and again when it is over."""

from threadline_ops.alerts.addresses import Address, addresses
from threadline_ops.alerts.rounds import Round, run_round
from threadline_ops.alerts.sources import SOURCES
from threadline_ops.alerts.state import Told, told
from threadline_ops.alerts.symptoms import Collected, Source, Symptom, collect

__all__ = [
    "SOURCES",
    "Address",
    "Collected",
    "Round",
    "Source",
    "Symptom",
    "Told",
    "addresses",
    "collect",
    "run_round",
    "told",
]
