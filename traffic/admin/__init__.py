"""The back office of traffic: shows everything but secrets, edits nothing."""

from . import console, distribution, rows, settlement

__all__ = ["console", "distribution", "rows", "settlement"]
