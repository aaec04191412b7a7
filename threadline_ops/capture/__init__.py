"""Capture: the audit tables, the triggers that fill them, and the actor that they record."""
