"""Shedwatch: monitoring for e-bike charging sheds; this package turns a configuration into a running service."""

__version__ = "0.1.0"
